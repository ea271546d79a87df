"""Laws: what holds for every input, asked with inputs that nobody thought of."""
