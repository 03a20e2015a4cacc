"""Clearing: credits, redemptions, the payout outbox and the hub's books."""
