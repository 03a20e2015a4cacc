"""What this partner contributes to tables of statistics, bounded per person before it leaves."""
