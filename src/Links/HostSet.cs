using System.Collections.Frozen;

namespace Tracking.Links;

/// <summary>
/// An immutable set of host names and <c>*.</c> patterns, asked with the bytes of a URL's host: no string is made for a
/// look-up.
/// </summary>
public sealed class HostSet
{
    private readonly FrozenSet<string> _names;
    private readonly FrozenSet<string> _parents;
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _byParent;

    private HostSet(IEnumerable<string> names, IEnumerable<string> parents)
    {
        _names = names.ToFrozenSet(StringComparer.Ordinal);
        _parents = parents.ToFrozenSet(StringComparer.Ordinal);
        _byName = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        _byParent = _parents.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The set that contains nothing.</summary>
    public static HostSet Empty { get; } = new([], []);

    /// <summary>Makes the set of some names and patterns, as people write them; what is neither a host name, an address
    /// nor <c>*.</c> before a host name is left out.</summary>
    public static HostSet Of(params IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var names = new List<string>();
        var parents = new List<string>();
        foreach (var pattern in patterns)
        {
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

        return names.Count + parents.Count == 0 ? Empty : new HostSet(names, parents);
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
}
