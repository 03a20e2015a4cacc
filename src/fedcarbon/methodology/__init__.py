"""The partner side: activities, factors and exact evaluation."""
