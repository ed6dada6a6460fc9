/* The targets that the sender lists. Table: the first synapse of each sender, and their end. */
static void sparse(snn_net *net, const struct link *link, uint32_t sender)
{
    uint32_t s;
    for (s = link->table[sender]; s < link->table[sender + 1]; s++)
        run(net, link, link->targets[s], s, 1);
}
