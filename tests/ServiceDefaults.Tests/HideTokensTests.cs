using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults.Tests;

public sealed class HideTokensTests
{
    private const string Token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_Ab";

    [Theory]
    [InlineData("/c/" + Token, "/c/{token}")]
    [InlineData("https://track.example.com/c/" + Token + "?x=1", "https://track.example.com/c/{token}?x=1")]
    [InlineData("/shoes/red-" + Token, "/shoes/red-{token}")]
    [InlineData("/-" + Token, "/-{token}")]
    [InlineData("/c/" + Token + "x", "/c/{token}")]
    [InlineData("/c/" + Token + Token, "/c/{token}")]
    [InlineData("/c/" + Token + "/" + Token + ".", "/c/{token}/{token}.")]
    [InlineData("/c/%41" + "bCdEfGhIjKlMnOpQrStUvWxYz0123456789-_Ab", "/c/{token}")]
    [InlineData("/c/%2d%5F" + "CdEfGhIjKlMnOpQrStUvWxYz0123456789-_Ab", "/c/{token}")]
    [InlineData(Token, "{token}")]
    public void A_token_is_hidden_wherever_it_stands(string text, string expected) =>
        Assert.Equal(expected, HideTokens.In(text));

    [Theory]
    [InlineData("")]
    [InlineData("/api/v1/clusters/abc/messages/0199c8f2-6d1e-7b3a-8f00-0123456789ab")]
    [InlineData("/c/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_A")]
    [InlineData("/c/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789.%")]
    [InlineData("/c/AbCdEfGhIjKlMnOpQrStUvWxYz01234567%2589-_Ab")]
    public void Anything_else_stays_the_same_text(string text) => Assert.Same(text, HideTokens.In(text));
}
