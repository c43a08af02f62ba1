"""What Home Assistant itself keeps and sends: one guard per place."""
