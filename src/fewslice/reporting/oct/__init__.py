"""What ophthalmologists measure in an OCT: surfaces, thickness, fluid."""
