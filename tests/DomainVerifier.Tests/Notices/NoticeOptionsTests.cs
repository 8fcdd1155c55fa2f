using System.ComponentModel.DataAnnotations;
using Tracking.DomainVerifier.Notices;

namespace Tracking.DomainVerifier.Tests.Notices;

public sealed class NoticeOptionsTests
{
    [Theory]
    [InlineData("smtp://mail.example.com", "mail.example.com", 25, false, null, null)]
    [InlineData("smtp://mail.example.com:2525", "mail.example.com", 2525, false, null, null)]
    [InlineData("smtp://me:secret@mail.example.com/", "mail.example.com", 587, false, "me", "secret")]
    [InlineData("smtps://me%40x:p%3Aw%2F@mail.example.com", "mail.example.com", 465, true, "me@x", "p:w/")]
    [InlineData("smtps://[2001:db8::1]:465", "2001:db8::1", 465, true, null, null)]
    public void A_mail_server_is_read(string text, string host, int port, bool isTls, string? user, string? password) =>
        Assert.Equal(new SmtpAddress(host, port, isTls, user, password), SmtpAddress.Parse(text));

    [Theory]
    [InlineData("mail.example.com")]
    [InlineData("mail.example.com:25")]
    [InlineData("http://mail.example.com")]
    [InlineData("smtp://me@mail.example.com")]
    [InlineData("smtp://mail.example.com/path")]
    [InlineData("smtp://mail.example.com?tls=no")]
    [InlineData("smtp:///me:secret")]
    public void Anything_else_is_refused_without_showing_it(string text)
    {
        Assert.Null(SmtpAddress.Parse(text));
        Assert.DoesNotContain(
            text,
            Failures(new NoticeOptions { Smtp = text, From = "a@example.com" }).Single(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_a_mail_server_shows_no_password() =>
        Assert.Equal("mail.example.com:587", SmtpAddress.Parse("smtp://me:secret@mail.example.com")!.ToString());

    [Fact]
    public void The_sender_is_needed_with_a_server_and_has_to_be_an_address()
    {
        Assert.Empty(Failures(new NoticeOptions()));
        var options = new NoticeOptions { Smtp = "smtp://mail.example.com" };
        Assert.Contains("missing", Failures(options).Single(), StringComparison.Ordinal);
        options.From = "Tracking <a@example.com>";
        Assert.Empty(Failures(options));
        Assert.Single(Failures(new NoticeOptions { From = "nobody" }));
        Assert.Single(Failures(new NoticeOptions { ConsoleUrl = new Uri("/console", UriKind.Relative) }));
        Assert.Single(Failures(new NoticeOptions { RootCertificates = "/no/such/file" }));
    }

    private static List<string> Failures(NoticeOptions options) =>
        [.. options.Validate(new ValidationContext(options)).Select(result => result.ErrorMessage!)];
}
