"""The event loop over any graph: a priority queue of deliveries."""
