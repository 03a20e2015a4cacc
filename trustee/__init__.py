"""A trustee: holds a share of the keys, follows the record, and answers what its checks allow."""
