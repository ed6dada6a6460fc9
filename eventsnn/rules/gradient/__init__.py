"""What rules that learn by gradients share."""
