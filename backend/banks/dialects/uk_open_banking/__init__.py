"""UK Open Banking Read/Write 3.1, and the codes that 4.0 put in the place of its words."""
