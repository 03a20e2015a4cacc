"""SANDBOX: a payout rail operator that moves no money, as another organisation would be one."""
