"""A request becomes Kafka records: keys, groups of equal key, and parts that fit ``maxMessageBytes``. Pure."""
