using System.Text;

namespace Tracking.Links;

/// <summary>Reads the names of the parameters in the query and the fragment of a URL, one after the other, decoded and
/// in lower case. Some programs read parameters behind the <c>#</c>, so they count as well.</summary>
internal ref struct QueryNames
{
    // A longer name is read up to here from its end: ends tell what a long name means.
    private const int MaxLength = 64;

    private readonly Span<char> _buffer;
    private ReadOnlySpan<byte> _rest;

    /// <param name="url">The URL: printable ASCII.</param>
    /// <param name="buffer">Has at least <see cref="MaxLength"/> characters.</param>
    public QueryNames(ReadOnlySpan<byte> url, Span<char> buffer)
    {
        var start = url.IndexOfAny("?#"u8);
        _rest = start < 0 ? default : url[(start + 1)..];
        _buffer = buffer;
        Current = default;
    }

    /// <summary>Room for a name.</summary>
    public static int BufferLength => MaxLength;

    /// <summary>The name, valid until the next one.</summary>
    public ReadOnlySpan<char> Current { get; private set; }

    /// <summary>Whether a URL has a parameter of this name, which is in lower case.</summary>
    public static bool Has(ReadOnlySpan<byte> url, string name)
    {
        var names = new QueryNames(url, stackalloc char[MaxLength]);
        while (names.MoveNext())
        {
            if (names.Current.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads the next name.</summary>
    public bool MoveNext()
    {
        while (!_rest.IsEmpty)
        {
            var end = _rest.IndexOfAny("&;?#"u8);
            var pair = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            var name = equals < 0 ? pair : pair[..equals];
            if (!name.IsEmpty)
            {
                Current = Read(name);
                return true;
            }
        }

        return false;
    }

    private readonly ReadOnlySpan<char> Read(ReadOnlySpan<byte> name)
    {
        if (name.IndexOf((byte)'%') >= 0)
        {
            return Uri.UnescapeDataString(Encoding.ASCII.GetString(name)).ToLowerInvariant();
        }

        name = name[^Math.Min(name.Length, MaxLength)..];
        Ascii.ToLower(name, _buffer, out var length);
        return _buffer[..length];
    }
}
