using Tracking.Management.Console.Texts;

namespace Tracking.Management.Tests;

/// <summary>The instructions for each provider name everything that the provider's form needs.</summary>
public sealed class HowToMakeTheRecordTests
{
    [Theory]
    [InlineData(
        "Cloudflare",
        "Log in to the Cloudflare dashboard", "select your domain", "DNS → Records", "Add record", "Type CNAME", "name",
        "target", "DNS only", "grey cloud", "orange cloud verification fails and clicks do not arrive", "TTL: Auto", "Save")]
    [InlineData(
        "Amazon Route 53",
        "Open the Route 53 console", "Hosted zones", "click your domain", "Create record", "Record name",
        "record type CNAME", "target as the value", "TTL: 300", "Create records")]
    [InlineData(
        "Another provider",
        "Log in", "DNS settings", "Add a record of type CNAME", "name and target", "append your domain",
        "enter the short name only", "the default, or 3600", "Save", "within minutes", "up to 48 hours")]
    public void Each_step_is_there_in_order(string provider, params string[] facts)
    {
        var text = string.Join(' ', Words.Domain.HowTo.Single(how => how.Name == provider).Steps);
        var at = 0;
        foreach (var fact in facts)
        {
            at = text.IndexOf(fact, at, StringComparison.Ordinal);
            Assert.True(at >= 0, $"\"{fact}\" is missing, or stands before what comes first: {text}");
        }
    }

    [Fact]
    public void A_certificate_says_what_failed_last_and_when_it_is_tried_again()
    {
        Assert.Equal(
            "CAA forbids this authority. It is tried again 28 Nov, 09:40.",
            Words.Domain.StepCertificate(
                Words.TlsWord.Failed, 0, null, "CAA forbids this authority.", "28 Nov, 09:40"));
        Assert.Equal(
            "Valid until 28 Nov, 3 days left. CAA forbids this authority. It is tried again 26 Nov, 09:40.",
            Words.Domain.StepCertificate(
                Words.TlsWord.Active, 3, "28 Nov", "CAA forbids this authority.", "26 Nov, 09:40"));
        Assert.Equal(
            "On its way, mostly under a minute",
            Words.Domain.StepCertificate(Words.TlsWord.Pending, 0, null, null, "26 Nov, 09:40"));
    }
}
