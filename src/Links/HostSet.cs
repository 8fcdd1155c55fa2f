using System.Collections.Frozen;

namespace Tracking.Links;

/// <summary>
/// An immutable set of host names and <c>*.</c> patterns, asked with the bytes of a URL's host: no string is made for a
/// look-up. With a path behind the host, a part of it: <c>example.com/account</c> is that path and all below it,
/// <c>example.com/account/</c> and <c>example.com/account/*</c> what is below, <c>example.com/acc*</c> whatever begins so.
/// </summary>
public sealed class HostSet
{
    private readonly FrozenSet<string> _names;
    private readonly FrozenSet<string> _parents;
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _byParent;

    private readonly PathRule[] _paths;
    private readonly HostSet? _hostsOfPaths;

    private HostSet(IEnumerable<string> names, IEnumerable<string> parents, PathRule[] paths)
    {
        _paths = paths;
        _hostsOfPaths = paths.Length == 0 ? null : Of(paths.Select(rule => rule.Host));
        _names = names.ToFrozenSet(StringComparer.Ordinal);
        _parents = parents.ToFrozenSet(StringComparer.Ordinal);
        _byName = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        _byParent = _parents.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The set that contains nothing.</summary>
    public static HostSet Empty { get; } = new([], [], []);

    /// <summary>Makes the set of some names and patterns, as people write them; what is neither a host name, an address
    /// nor <c>*.</c> before a host name, with or without a path, is left out.</summary>
    public static HostSet Of(params IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var names = new List<string>();
        var parents = new List<string>();
        var paths = new List<PathRule>();
        foreach (var given in patterns)
        {
            var pattern = given;
            if (given.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
            {
                pattern = given[..slash];
                if (given[slash..] is not ("/" or "/*"))
                {
                    if (PathRule.TryParse(pattern, given[slash..]) is { } rule)
                    {
                        paths.Add(rule);
                    }

                    continue;
                }
            }

            var isParent = pattern.StartsWith("*.", StringComparison.Ordinal);
            if (HostName.TryParse(isParent ? pattern[2..] : pattern, out var name))
            {
                (isParent ? parents : names).Add(name.Value);
            }
            else if (System.Net.IPAddress.TryParse(pattern.Trim('[', ']'), out var address))
            {
                var isV6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
                names.Add(isV6 ? $"[{address}]" : address.ToString());
            }
        }

        return names.Count + parents.Count + paths.Count == 0 ? Empty : new HostSet(names, parents, [.. paths]);
    }

    /// <summary>Whether a pattern means anything.</summary>
    public static bool Takes(string pattern) => Of(pattern) != Empty;

    /// <summary>Whether the set has some paths of the host: then <see cref="ContainsPath"/> must be asked
    /// too.</summary>
    /// <param name="host">A host as <see cref="DestinationUrl.Host"/> gives it.</param>
    public bool HasPathsOf(ReadOnlySpan<byte> host) => _hostsOfPaths is { } hosts && hosts.Contains(host);

    /// <summary>Whether the set has the path of a URL, in whatever way the path is written.</summary>
    public bool ContainsPath(in DestinationUrl destination)
    {
        if (_paths.Length == 0)
        {
            return false;
        }

        ReadOnlySpan<byte> path = destination.Path;
        if (!ComparableUrl.IsComparable(destination))
        {
            path = PathRule.Comparable(destination);
        }

        foreach (var rule in _paths)
        {
            if (rule.Means(path) && rule.Hosts.Contains(destination.Host))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the set has the host, or a pattern that means it. Any case, a final dot is ignored.</summary>
    /// <param name="host">A host as <see cref="DestinationUrl.Host"/> gives it: ASCII, without port.</param>
    public bool Contains(ReadOnlySpan<byte> host)
    {
        if (_names.Count + _parents.Count == 0 || host.IsEmpty || host.Length > HostName.MaxLength + 1)
        {
            return false;
        }

        Span<char> lower = stackalloc char[HostName.MaxLength + 1];
        if (System.Text.Ascii.ToLower(host, lower, out var length) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        var name = lower[..(lower[length - 1] == '.' ? length - 1 : length)];
        if (_byName.Contains(name))
        {
            return true;
        }

        if (_parents.Count == 0)
        {
            return false;
        }

        ReadOnlySpan<char> rest = name;
        for (var dot = rest.IndexOf('.'); dot >= 0; dot = rest.IndexOf('.'))
        {
            rest = rest[(dot + 1)..];
            if (_byParent.Contains(rest))
            {
                return true;
            }
        }

        return false;
    }

    private sealed record PathRule(string Host, HostSet Hosts, byte[] Prefix, bool IsSegment)
    {
        public static PathRule? TryParse(string host, string path)
        {
            var isPrefix = path.EndsWith('*');
            var prefix = isPrefix ? path[..^1] : path;
            if (prefix.AsSpan().ContainsAny("*?#\\ ") || Of(host) is not { } hosts || hosts == Empty)
            {
                return null;
            }

            // Written as a browser would, whatever host it is of.
            var url = System.Text.Encoding.UTF8.GetBytes("https://example.com" + prefix);
            return DestinationPolicy.Read(url, null, out var destination) == DestinationOutcome.Accepted
                ? new PathRule(
                    host, hosts, Comparable(destination), !isPrefix && !prefix.EndsWith('/'))
                : null;
        }

        public static byte[] Comparable(in DestinationUrl destination)
        {
            var written = new System.Buffers.ArrayBufferWriter<byte>((3 * destination.Url.Length) + 1);
            ComparableUrl.Write(destination, written);
            return DestinationPolicy.Read(written.WrittenSpan, null, out var comparable) == DestinationOutcome.Accepted
                ? comparable.Path.ToArray()
                : destination.Path.ToArray();
        }

        public bool Means(ReadOnlySpan<byte> path) =>
            path.StartsWith(Prefix) && (!IsSegment || path.Length == Prefix.Length || path[Prefix.Length] == '/');
    }
}
