"""ISO 20022 files: the messages that a bank takes and gives, and a rail over a folder of them."""
