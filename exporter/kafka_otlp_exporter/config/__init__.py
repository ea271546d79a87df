"""The options: their types, the table of them, flags and environment variables, and the librdkafka properties made of them. Pure."""
