namespace Tracking.Contracts;

/// <summary>What a request's fetch metadata (W3C Fetch Metadata Request Headers) says.</summary>
public enum FetchMetadata : byte
{
    /// <summary>There is none. It says nothing: browsers send it over https only.</summary>
    NoneOverHttp = 0,

    /// <summary>There is none although the request came over https.</summary>
    NoneOverHttps = 1,

    /// <summary>It fits what was asked for: a navigation for a link, an image for a picture.</summary>
    Fits = 2,

    /// <summary>It says something else, for example that a script asks.</summary>
    Other = 3,
}

/// <summary>What a request's client hints (<c>Sec-CH-UA</c>) say beside its user agent.</summary>
public enum ClientHints : byte
{
    /// <summary>There are none.</summary>
    None = 0,

    /// <summary>They name the version that the user agent names.</summary>
    Agree = 1,

    /// <summary>They name another browser or version than the user agent.</summary>
    Contradict = 2,
}

/// <summary>
/// What a request looked like, without anything that is somebody's own: six bits, which lie where readers of
/// <see cref="EventRecord"/> before them found flags that they ignored. 0 says that nobody looked; otherwise it is
/// 1 + fetch metadata (4) + 4 × client hints (3) + 12 × prefetch (2) + 24 × language (2).
/// </summary>
/// <param name="Fetch">Fetch metadata.</param>
/// <param name="Hints">Client hints.</param>
/// <param name="IsPrefetch">Whether it says that nobody has asked to see it yet (<c>Sec-Purpose</c>,
/// <c>Purpose</c>, <c>X-Moz</c>).</param>
/// <param name="HasLanguage">Whether it names languages (<c>Accept-Language</c>).</param>
public readonly record struct RequestShape(
    FetchMetadata Fetch, ClientHints Hints, bool IsPrefetch, bool HasLanguage)
{
    /// <summary>The number of different packed shapes, that of an unknown one included.</summary>
    public const int Count = 49;

    /// <summary>Six bits, 1 to 48.</summary>
    public byte Pack() =>
        (byte)(1 + (byte)Fetch + (4 * (byte)Hints) + (IsPrefetch ? 12 : 0) + (HasLanguage ? 24 : 0));

    /// <summary>Reads six bits.</summary>
    /// <returns><see langword="null"/> when nobody looked, or a later version wrote what this one does not
    /// know.</returns>
    public static RequestShape? Unpack(byte packed)
    {
        if (packed is 0 or >= Count)
        {
            return null;
        }

        var bits = packed - 1;
        return new RequestShape(
            (FetchMetadata)(bits % 4), (ClientHints)(bits / 4 % 3), bits / 12 % 2 == 1, bits / 24 == 1);
    }
}
