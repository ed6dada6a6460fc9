"""Pictures of recordings, traffic and learning."""
