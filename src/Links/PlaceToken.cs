namespace Tracking.Links;

/// <summary>
/// Tokens that say a link's place in a message and nothing else: without a cluster, a message or a destination, so that
/// the mail of a campaign has the same ones. They are signed with a key that everybody knows and no edge has.
/// </summary>
public static class PlaceToken
{
    /// <summary>The key.</summary>
    public static SigningKey Key { get; } = new(1, "link's place key"u8);

    // Behind the key: initializers run in their order.
    private static readonly SigningKeys _keys = new(Key, [Key]);

    /// <summary>The ordinal of a link whose URL ends with such a token; <see langword="null"/> of every other.</summary>
    public static int? Read(ReadOnlySpan<char> url) =>
        LinkToken.Read(url, _keys, out var token) == TokenOutcome.Valid && token.Kind != LinkKind.Open
            ? token.Ordinal
            : null;
}
