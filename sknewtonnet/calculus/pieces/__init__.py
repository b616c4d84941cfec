"""What a net is made of: each piece with its own derivatives."""
