"""Published data of others, turned into canonical files; every row left out has a reason."""
