/* All to all: the sender's row of weights. Table: targets. */
static void dense(snn_net *net, const struct link *link, uint32_t sender)
{
    run(net, link, 0, sender * link->table[0], link->table[0]);
}
