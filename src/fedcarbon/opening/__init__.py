"""Opening one account: requests, masks, shares and the checks of a trustee."""
