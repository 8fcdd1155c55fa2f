using System.Text;

namespace Tracking.Links.Tests;

public sealed class LinkTokensTests
{
    private static readonly SigningKey _first = new(1, "0123456789abcdef"u8);
    private static readonly SigningKey _second = new(2, "fedcba9876543210"u8);

    private static readonly LinkToken _token = new(
        new ClusterId(0xabcdef),
        new MessageKey(0x0123456789abcdef, 0x42),
        new LinkId(0xfedcba9876543210),
        12_345,
        LinkKind.Click);

    [Fact]
    public void Token_is_forty_base64url_characters_and_never_ends_in_a_hyphen_or_underscore()
    {
        var random = new Random(1);
        foreach (var version in Enumerable.Range(1, 31))
        {
            var key = new SigningKey(version, "0123456789abcdef"u8);
            foreach (var kind in Enum.GetValues<LinkKind>())
            {
                var token = Random(random) with { Kind = kind };
                var text = token.ToString(key);
                Assert.Matches("^[A-Za-z0-9_-]{39}[A-Za-z0-9]$", text);
            }
        }
    }

    [Fact]
    public void Written_token_reads_back_from_the_end_of_any_path()
    {
        var keys = new SigningKeys(_first, [_first]);
        var random = new Random(2);
        for (var i = 0; i < 1_000; i++)
        {
            var token = Random(random);
            var text = token.ToString(_first);
            Assert.Equal(TokenOutcome.Valid, LinkToken.Read($"/some/path-{text}", keys, out var read));
            Assert.Equal(token, read);
            Assert.Equal(TokenOutcome.Valid, LinkToken.Read(Encoding.ASCII.GetBytes("/c/" + text), keys, out read));
            Assert.Equal(token, read);
        }
    }

    [Fact]
    public void Token_with_any_flipped_bit_is_refused()
    {
        var keys = new SigningKeys(_first, [_first]);
        var bytes = Convert.FromBase64String(_token.ToString(_first).Replace('-', '+').Replace('_', '/'));
        for (var bit = 0; bit < 240; bit++)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            var text = Convert.ToBase64String(flipped).Replace('+', '-').Replace('/', '_');
            Assert.Equal(TokenOutcome.Tampered, LinkToken.Read(text, keys, out var read));
            Assert.Equal(default, read);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")]
    [InlineData("AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAéAAAAAAAAAAAAAAAAAAA")]
    public void Text_of_another_form_is_not_a_token(string text) =>
        Assert.Equal(TokenOutcome.NotAToken, LinkToken.Read(text, new SigningKeys(_first, [_first]), out _));

    [Fact]
    public void Level_is_in_the_MAC_alone_and_a_token_without_one_is_as_before()
    {
        // Written by the version before there were levels.
        const string Before = "q83vASNFZ4mrze9C_ty6mHZUMhDA5QR-2gH5-ruA";
        Assert.Equal(Before, _token.ToString(_first));
        var keys = new SigningKeys(_first, [_first]);
        for (var level = 0; level <= LinkToken.MaxLevel; level++)
        {
            var text = (_token with { Level = level }).ToString(_first);
            Assert.Equal(Before[..27], text[..27]);
            Assert.Equal(TokenOutcome.Valid, LinkToken.Read(text, keys, out var read));
            Assert.Equal(level, read.Level);
        }
    }

    [Fact]
    public void Old_key_versions_verify_for_good()
    {
        var after = new SigningKeys(_second, [_first, _second]);
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(_token.ToString(_first), after, out _));
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(_token.ToString(_second), after, out _));
        Assert.Equal(
            TokenOutcome.Tampered, LinkToken.Read(_token.ToString(_second), new SigningKeys(_first, [_first]), out _));
    }

    [Fact]
    public void Versions_that_share_a_slot_are_both_tried()
    {
        var sixteenth = new SigningKey(16, "aaaaaaaaaaaaaaaa"u8);
        var keys = new SigningKeys(sixteenth, [_first, sixteenth]);
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(_token.ToString(_first), keys, out _));
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(_token.ToString(sixteenth), keys, out _));
    }

    [Fact]
    public void Field_that_does_not_fit_its_bits_is_an_argument_error()
    {
        Assert.Throws<ArgumentOutOfRangeException>(
            () => (_token with { Ordinal = LinkToken.MaxOrdinal + 1 }).ToString(_first));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => (_token with { Level = LinkToken.MaxLevel + 1 }).ToString(_first));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => (_token with { Cluster = new ClusterId(ClusterId.MaxValue + 1) }).ToString(_first));
    }

    [Fact]
    public void Key_never_shows_itself()
    {
        Assert.Equal("signing key version 1", _first.ToString());
        Assert.Throws<ArgumentException>(() => new SigningKeys(_second, [_first]));
    }

    private static LinkToken Random(Random random) => new(
        new ClusterId(random.Next(1, ClusterId.MaxValue + 1)),
        new MessageKey((ulong)random.NextInt64(), (byte)random.Next(256)),
        new LinkId((ulong)random.NextInt64()),
        random.Next(LinkToken.MaxOrdinal + 1),
        (LinkKind)random.Next(4),
        random.Next(LinkToken.MaxLevel + 1));
}
