"""The dealer: safe primes, shares and their encrypted files."""
