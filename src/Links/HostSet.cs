using System.Collections.Frozen;

namespace Tracking.Links;

/// <summary>
/// An immutable set of host names and <c>*.</c> patterns. A look-up takes the bytes of a URL's host and makes no
/// string. An entry with a path means a part of the host: <c>example.com/account</c> means this path and all paths
/// below it, <c>example.com/account/</c> and <c>example.com/account/*</c> mean the paths below it,
/// <c>example.com/acc*</c> means all paths with this beginning.
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

    /// <summary>The empty set.</summary>
    public static HostSet Empty { get; } = new([], [], []);

    /// <summary>Makes the set of some names and patterns that people wrote. Texts that are neither a host name, an
    /// address nor <c>*.</c> before a host name, with or without a path, are left out.</summary>
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

    /// <summary>Whether a pattern is valid.</summary>
    public static bool Takes(string pattern) => Of(pattern) != Empty;

    /// <summary>Whether the set has paths of the host, so that <see cref="ContainsPath"/> must be asked too.</summary>
    /// <param name="host">A host in the form of <see cref="DestinationUrl.Host"/>.</param>
    public bool HasPathsOf(ReadOnlySpan<byte> host) => _hostsOfPaths is { } hosts && hosts.Contains(host);

    /// <summary>Whether the set has the path of a URL, in any spelling of the path.</summary>
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

    /// <summary>Whether the set has the host, or a pattern that includes it. Case and a final dot are
    /// ignored.</summary>
    /// <param name="host">A host in the form of <see cref="DestinationUrl.Host"/>: ASCII, without port.</param>
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

            // Written as a browser writes it; the host does not matter.
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
