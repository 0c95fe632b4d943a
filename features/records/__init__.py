"""Records: the data contract, the mapping of exports onto it, and the engines that read them."""
