namespace Tracking.Links;

/// <summary>
/// Tokens that contain only a link's place in a message. They have no cluster, message or destination, so all messages
/// of a campaign have the same tokens. Their key is public, and no edge has it.
/// </summary>
public static class PlaceToken
{
    /// <summary>The key.</summary>
    public static SigningKey Key { get; } = new(1, "link's place key"u8);

    // Declared behind the key, because initializers run in their order.
    private static readonly SigningKeys _keys = new(Key, [Key]);

    /// <summary>The ordinal of a link whose URL ends with such a token; <see langword="null"/> for every other
    /// link.</summary>
    public static int? Read(ReadOnlySpan<char> url) =>
        LinkToken.Read(url, _keys, out var token) == TokenOutcome.Valid && token.Kind != LinkKind.Open
            ? token.Ordinal
            : null;
}
