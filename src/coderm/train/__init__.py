"""Trains the unit test generator: supervised fine-tuning through TRL on the rows that `coderm.synthesize` exports."""
