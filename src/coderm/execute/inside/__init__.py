"""What runs inside the jail. Standard library only: it runs under whichever interpreter candidates use."""
