using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Tests.Acme;

public sealed class KeyAuthorizationsTests
{
    [Theory]
    [InlineData("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", true)]
    [InlineData("abcdefghijklmnopqrstuv", true)]
    [InlineData("abcdefghijklmnopqrstu", false)]
    [InlineData("", false)]
    [InlineData("abcdefghijklmnopqrstuv=", false)]
    [InlineData("abcdefghijklmnopqrstuv.x", false)]
    [InlineData("abcdefghijklmnopqrst/../uv", false)]
    [InlineData("abcdefghijklmnopqrstuv\r\nx", false)]
    [InlineData("abcdefghijklmnopqrstüv", false)]
    public void A_token_is_22_to_128_characters_of_base64url(string text, bool isToken)
    {
        Assert.Equal(isToken, KeyAuthorization.IsToken(text));
    }

    [Fact]
    public void A_token_of_128_characters_is_the_longest()
    {
        Assert.True(KeyAuthorization.IsToken(new string('a', 128)));
        Assert.False(KeyAuthorization.IsToken(new string('a', 129)));
    }

    [Fact]
    public void The_answer_is_token_and_thumbprint()
    {
        Assert.Equal(
            "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumb",
            KeyAuthorization.Of("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "thumb"));
        Assert.Throws<ArgumentException>(() => KeyAuthorization.Of("<script>", "thumb"));
    }
}
