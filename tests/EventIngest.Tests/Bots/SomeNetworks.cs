using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Tracking.EventIngest.Tests.Bots;

/// <summary>Writes a file of networks in the format MMDB 2.0: a tree of 24-bit records over IPv6, IPv4 under ::/96, and
/// a map with the number of an autonomous system for each network.</summary>
internal static class SomeNetworks
{
    private const int Unset = -1;

    public static byte[] File(params (string Network, uint System)[] networks)
    {
        var nodes = new List<int[]> { new[] { Unset, Unset } };
        var data = new List<byte>();
        foreach (var (network, system) in networks)
        {
            var leaf = -2 - data.Count;
            data.AddRange([0xE1, .. Text("autonomous_system_number"), 0xC4, .. Big(system)]);
            Insert(nodes, IPNetwork.Parse(network), leaf);
        }

        var tree = nodes.SelectMany(node => node).SelectMany(record => Big((uint)(
            record == Unset ? nodes.Count : record >= 0 ? record : nodes.Count + 16 + (-2 - record)))[1..]);
        byte[] metadata =
        [
            0xE9,
            .. Text("binary_format_major_version"), 0xA1, 2,
            .. Text("binary_format_minor_version"), 0xA0,
            .. Text("build_epoch"), 0x04, 0x02, .. Big(1_795_000_000),
            .. Text("database_type"), .. Text("Test-ASN"),
            .. Text("description"), 0xE0,
            .. Text("ip_version"), 0xA1, 6,
            .. Text("languages"), 0x00, 0x04,
            .. Text("node_count"), 0xC4, .. Big((uint)nodes.Count),
            .. Text("record_size"), 0xA1, 24,
        ];
        return [.. tree, .. new byte[16], .. data, 0xAB, 0xCD, 0xEF, .. "MaxMind.com"u8, .. metadata];
    }

    private static void Insert(List<int[]> nodes, IPNetwork network, int leaf)
    {
        var isIPv4 = network.BaseAddress.GetAddressBytes().Length == 4;
        byte[] address = isIPv4
            ? [.. new byte[12], .. network.BaseAddress.GetAddressBytes()]
            : network.BaseAddress.GetAddressBytes();
        var length = network.PrefixLength + (isIPv4 ? 96 : 0);
        var node = 0;
        for (var bit = 0; bit < length; bit++)
        {
            var side = (address[bit / 8] >> (7 - (bit % 8))) & 1;
            if (bit == length - 1)
            {
                nodes[node][side] = leaf;
            }
            else if (nodes[node][side] < 0)
            {
                nodes.Add([Unset, Unset]);
                nodes[node][side] = nodes.Count - 1;
            }

            node = nodes[node][side];
        }
    }

    private static byte[] Big(uint number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return bytes;
    }

    // Type 2 (UTF-8) in the upper three bits, the length below; up to 28 bytes.
    private static byte[] Text(string text) => [(byte)(0x40 | text.Length), .. Encoding.ASCII.GetBytes(text)];
}
