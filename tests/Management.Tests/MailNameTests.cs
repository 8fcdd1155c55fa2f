using Tracking.Management.Requests;

namespace Tracking.Management.Tests;

public sealed class MailNameTests
{
    [Theory]
    [InlineData("example.com", "example.com")]
    [InlineData(" Mail.EXAMPLE.com. ", "mail.example.com")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("xn--bcher-kva.example", "xn--bcher-kva.example")]
    [InlineData("a-b.1.example", "a-b.1.example")]
    [InlineData("localhost", null)]
    [InlineData("", null)]
    [InlineData(".", null)]
    [InlineData("a..b", null)]
    [InlineData("-a.example", null)]
    [InlineData("a_b.example", null)]
    [InlineData("192.0.2.1", null)]
    [InlineData("example.com/path", null)]
    [InlineData("*.example.com", null)]
    [InlineData("user@example.com", null)]
    public void A_domain_is_kept_as_A_labels_or_refused(string text, string? domain) =>
        Assert.Equal(domain, MailName.Domain(text));

    [Fact]
    public void A_label_has_63_characters_and_a_name_253()
    {
        Assert.NotNull(MailName.Domain(new string('a', 63) + ".example"));
        Assert.Null(MailName.Domain(new string('a', 64) + ".example"));
        Assert.Null(MailName.Domain(string.Concat(Enumerable.Repeat("abcdefghi.", 26)) + "com"));
    }

    [Theory]
    [InlineData("*.Example.com", "*.example.com")]
    [InlineData("example.com", "example.com")]
    [InlineData("*", null)]
    [InlineData("*.com", null)]
    [InlineData("a.*.example.com", null)]
    public void An_excluded_domain_may_be_everything_below(string text, string? pattern) =>
        Assert.Equal(pattern, MailName.DomainPattern(text));

    [Theory]
    [InlineData("ops@example.com", true)]
    [InlineData(" \"a@b\"@example.com ", true)]
    [InlineData("ops", false)]
    [InlineData("@example.com", false)]
    [InlineData("ops@localhost", false)]
    [InlineData("a b@example.com", false)]
    [InlineData("a@example.com, b@example.com", false)]
    [InlineData("a@example.com\r\nBcc: b@example.com", false)]
    [InlineData("Ops <ops@example.com>", false)]
    public void An_address_has_a_domain_and_no_room_for_a_second_one(string text, bool taken) =>
        Assert.Equal(taken ? text.Trim() : null, MailName.Address(text));
}
