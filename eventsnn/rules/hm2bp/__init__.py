"""HM2-BP (Jin, Zhang & Li 2018): hybrid macro/micro backpropagation."""
