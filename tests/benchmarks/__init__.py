"""How fast a refresh is, against the floor and against another way to read a catalogue."""
