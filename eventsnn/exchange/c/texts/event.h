
/* The same by place: column x, row y, polarity p. */
int snn_event(snn_net *net, uint32_t x, uint32_t y, uint32_t p, uint32_t t);
