using Microsoft.Extensions.Configuration;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Certificates.Tests;

public sealed class CertificateOptionsTests
{
    private const string Directory = "Authorities:0:Directory";

    [Fact]
    public void Without_settings_there_is_no_authority_and_no_terms_are_accepted()
    {
        var options = Read([]);

        Assert.Empty(options.Authorities);
        Assert.False(options.AcceptTermsOfService);
    }

    [Fact]
    public void An_authority_needs_its_directory_alone_and_has_the_limits_of_the_largest()
    {
        var authority = Read([(Directory, "https://authority.example/directory")]).Authorities[0];

        Assert.Equal("tlsserver", authority.Profile);
        Assert.Null(authority.ReadEabKey());
        Assert.Equal((300, TimeSpan.FromSeconds(36)), (authority.Orders.Capacity, authority.Orders.Refill));
    }

    [Fact]
    public void A_limit_may_be_changed_in_part()
    {
        var authority = Read(
        [
            (Directory, "https://authority.example/directory"), ("Authorities:0:Orders:Capacity", "10"),
        ]).Authorities[0];

        Assert.Equal((10, TimeSpan.FromSeconds(36)), (authority.Orders.Capacity, authority.Orders.Refill));
    }

    [Theory]
    [InlineData("AAECAwQFBgcICQoLDA0ODw")]
    [InlineData("AAECAwQFBgcICQoLDA0ODw==")]
    public void The_binding_key_is_base64url_with_or_without_padding(string key)
    {
        var authority = Read(
        [
            (Directory, "https://authority.example/directory"), ("Authorities:0:EabKeyId", "kid"),
            ("Authorities:0:EabKey", key),
        ]).Authorities[0];

        Assert.Equal(Enumerable.Range(0, 16).Select(number => (byte)number), authority.ReadEabKey());
    }

    [Theory]
    [InlineData("Authorities:0:Profile", "x", "Tracking__Certificates__Authorities__0__Directory: missing, takes an https:// URL")]
    [InlineData(Directory, "http://a.example/", "Tracking__Certificates__Authorities__0__Directory: got \"http://a.example/\", takes an https:// URL")]
    [InlineData(Directory, "https://user:pw@a.example/", "Tracking__Certificates__Authorities__0__Directory: ")]
    [InlineData("Contact", "nobody", "Tracking__Certificates__Contact: got \"nobody\", takes one e-mail address without a name")]
    [InlineData("RequestTimeout", "00:10:00", "Tracking__Certificates__RequestTimeout: got \"00:10:00\", ")]
    [InlineData("Nonsense", "1", "Tracking__Certificates__Nonsense: unknown setting")]
    [InlineData("Authorities:0:Nonsense", "1", "Tracking__Certificates__Authorities__0__Nonsense: unknown setting")]
    public void A_mistake_is_one_line(string key, string value, string line)
    {
        Assert.StartsWith(line, Assert.Single(Failures([(key, value)])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Authorities:0:EabKey", "AAECAwQFBgcICQoLDA0ODw", "Authorities__0__EabKeyId: missing, takes ")]
    [InlineData("Authorities:0:EabKeyId", "kid", "Authorities__0__EabKey: missing, takes ")]
    [InlineData("Authorities:0:OtherOrigins:0", "https://a.example/path", "Authorities__0__OtherOrigins: got ")]
    [InlineData("Authorities:0:RootCertificates", "/no/such/file.pem", "Authorities__0__RootCertificates: got \"/no/such/file.pem\" (Could not find ")]
    [InlineData("Authorities:0:Orders:Capacity", "-1", "Authorities__0__Orders__Capacity: got \"-1\", takes ")]
    [InlineData("Authorities:1:Directory", "https://a.example/directory", "Authorities: got \"https://a.example/directory\" more than once")]
    public void A_mistake_in_one_authority_is_one_line(string key, string value, string line)
    {
        var failure = Assert.Single(Failures([(Directory, "https://a.example/directory"), (key, value)]));

        Assert.StartsWith($"Tracking__Certificates__{line}", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_mistakes_are_as_many_lines_and_name_the_right_authority()
    {
        var failures = Failures(
        [
            (Directory, "https://a.example/directory"), ("Authorities:1:Directory", "b"), ("Contact", "c"),
            ("Authorities:1:Orders:Refill", "00:00:00"),
        ]);

        Assert.Equal(3, failures.Count);
        Assert.Contains(failures, line => line.StartsWith("Tracking__Certificates__Authorities__1__Directory: "));
        Assert.Contains(failures, line => line.StartsWith("Tracking__Certificates__Authorities__1__Orders__Refill: "));
    }

    [Fact]
    public void A_wrong_secret_is_not_shown()
    {
        var failure = Assert.Single(Failures(
        [
            (Directory, "https://a.example/directory"), ("Authorities:0:EabKeyId", "kid"),
            ("Authorities:0:EabKey", "not*base64url"),
        ]));

        Assert.Equal(
            "Tracking__Certificates__Authorities__0__EabKey: got ***, takes base64url of 16 bytes or more", failure);
    }

    private static CertificateOptions Read((string Key, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(setting =>
            KeyValuePair.Create($"Tracking:Certificates:{setting.Key}", (string?)setting.Value)))
        .Build()
        .ReadTrackingOptions<CertificateOptions>(CertificateOptions.Section);

    private static List<string> Failures((string Key, string Value)[] settings) =>
    [
        .. $"; {Assert.Throws<StartUpException>(() => Read(settings)).Message}".Split("; Tracking__")[1..]
            .Select(line => $"Tracking__{line}"),
    ];
}
