"""What is known of a frame before it is segmented: percentiles, borders without image, outliers."""
