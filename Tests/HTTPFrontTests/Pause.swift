import Glibc

/// Gives way to other threads for a moment.
func pause() { usleep(1000) }
