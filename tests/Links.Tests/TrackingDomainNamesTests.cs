namespace Tracking.Links.Tests;

public sealed class TrackingDomainNamesTests
{
    private static readonly HostName _systemHost = Host("go.operator.net");
    private static readonly HostName _systemZone = Host("track.operator.net");

    [Theory]
    [InlineData("track.example.com", "track.example.com")]
    [InlineData("links.example.com", "links.example.com")]
    [InlineData("a.b.c.example.com", "a.b.c.example.com")]
    [InlineData("KLICK.Example.COM.", "klick.example.com")]
    [InlineData(" track.shop.example.com ", "track.shop.example.com")]
    [InlineData("\ttrack.shop.example.com\r\n", "track.shop.example.com")]
    [InlineData("klick.bücher.com", "klick.xn--bcher-kva.com")]
    [InlineData("klick.bu\u0308cher.com", "klick.xn--bcher-kva.com")]
    [InlineData("KLICK.BÜCHER.COM", "klick.xn--bcher-kva.com")]
    [InlineData("klick.xn--bcher-kva.com", "klick.xn--bcher-kva.com")]
    [InlineData("klick。bücher。com", "klick.xn--bcher-kva.com")]
    [InlineData("i❤.example.com", "xn--i-7iq.example.com")]
    [InlineData("track.example.co.uk", "track.example.co.uk")]
    [InlineData("track.somebody.github.io", "track.somebody.github.io")]
    [InlineData("somebody.github.io", "somebody.github.io")]
    [InlineData("track.www.ck", "track.www.ck")]
    [InlineData("track.shop.example.ck", "track.shop.example.ck")]
    [InlineData("track.example.newtoplevel", "track.example.newtoplevel")]
    [InlineData("a-b.example.com", "a-b.example.com")]
    [InlineData("a--b.example.com", "a--b.example.com")]
    [InlineData("1.2.3.4.5.6.7.8.example.com", "1.2.3.4.5.6.7.8.example.com")]
    [InlineData("go.operator.net.example.com", "go.operator.net.example.com")]
    [InlineData("click.operator.net", "click.operator.net")]
    public void A_name_that_may_be_added_is_folded_to_its_one_form(string typed, string stored)
    {
        var name = Read(typed);
        Assert.True(name.IsAccepted, name.Why);
        Assert.Equal(stored, name.Host.Value);
        Assert.Equal("", name.Why);
    }

    [Theory]
    [InlineData(null, NameRefusal.Empty)]
    [InlineData(" ", NameRefusal.Empty)]
    [InlineData("192.0.2.1", NameRefusal.IpAddress)]
    [InlineData("127.1", NameRefusal.IpAddress)]
    [InlineData("0x7f000001", NameRefusal.IpAddress)]
    [InlineData("http://192.0.2.1/", NameRefusal.IpAddress)]
    [InlineData("192.0.2.1:8080", NameRefusal.IpAddress)]
    [InlineData("2001:db8::1", NameRefusal.IpAddress)]
    [InlineData("[2001:db8::1]", NameRefusal.IpAddress)]
    [InlineData("https://[2001:db8::1]:443/x", NameRefusal.IpAddress)]
    [InlineData("track.shop.localhost", NameRefusal.ReservedTopLevel)]
    [InlineData("track.shop.local", NameRefusal.ReservedTopLevel)]
    [InlineData("track.shop.test", NameRefusal.ReservedTopLevel)]
    [InlineData("track.shop.invalid", NameRefusal.ReservedTopLevel)]
    [InlineData("klick.bücher.example", NameRefusal.ReservedTopLevel)]
    [InlineData("track.shop.LocalDomain.", NameRefusal.ReservedTopLevel)]
    [InlineData("localhost", NameRefusal.ReservedTopLevel)]
    [InlineData("com", NameRefusal.NotASubdomain)]
    [InlineData("example.com", NameRefusal.NotASubdomain)]
    [InlineData("co.uk", NameRefusal.NotASubdomain)]
    [InlineData("track.co.uk", NameRefusal.NotASubdomain)]
    [InlineData("github.io", NameRefusal.NotASubdomain)]
    [InlineData("www.ck", NameRefusal.NotASubdomain)]
    [InlineData("example.ck", NameRefusal.NotASubdomain)]
    [InlineData("track.example.ck", NameRefusal.NotASubdomain)]
    [InlineData("track.city.kawasaki.jp.", NameRefusal.None)]
    [InlineData("city.kawasaki.jp", NameRefusal.NotASubdomain)]
    [InlineData("_x.example.com", NameRefusal.Underscore)]
    [InlineData("my_track.example.com", NameRefusal.Underscore)]
    [InlineData("1.2.3.4.5.6.7.8.9.example.com", NameRefusal.TooManyLabels)]
    [InlineData("ab--c.example.com", NameRefusal.InvalidALabel)]
    [InlineData("xn--.example.com", NameRefusal.InvalidALabel)]
    [InlineData("xn--abc.example.com", NameRefusal.InvalidALabel)]
    [InlineData("xn--a-.example.com", NameRefusal.InvalidALabel)]
    [InlineData("xn--bu\u0308cher.example.com", NameRefusal.InvalidALabel)]
    [InlineData("-a.example.com", NameRefusal.NotAName)]
    [InlineData("a-.example.com", NameRefusal.NotAName)]
    [InlineData("track example.com", NameRefusal.NotAName)]
    [InlineData("track!.example.com", NameRefusal.NotAName)]
    [InlineData("track..example.com", NameRefusal.EmptyLabel)]
    [InlineData(".example.com", NameRefusal.EmptyLabel)]
    [InlineData("track.example.com..", NameRefusal.EmptyLabel)]
    [InlineData("*.example.com", NameRefusal.Wildcard)]
    [InlineData("go.operator.net", NameRefusal.OperatorsOwn)]
    [InlineData("track.operator.net", NameRefusal.OperatorsOwn)]
    [InlineData("v-abc.track.operator.net", NameRefusal.OperatorsOwn)]
    [InlineData("V-ABC.Track.Operator.NET.", NameRefusal.OperatorsOwn)]
    public void A_name_is_refused_for_its_reason(string? typed, NameRefusal refusal)
    {
        var name = Read(typed);
        Assert.Equal(refusal, name.Refusal);
        Assert.Equal(refusal == NameRefusal.None, name.IsAccepted);
        Assert.Equal(refusal == NameRefusal.None, name.Why.Length == 0);
    }

    [Fact]
    public void Labels_of_63_octets_and_names_of_253_are_the_longest()
    {
        var label = new string('a', 63);
        Assert.True(Read($"{label}.example.com").IsAccepted);
        Assert.Equal(NameRefusal.LabelTooLong, Read($"a{label}.example.com").Refusal);

        var longest = $"{label}.{label}.{label}.{new string('a', 49)}.example.com";
        Assert.Equal(253, longest.Length);
        Assert.True(Read(longest).IsAccepted);
        Assert.Equal(NameRefusal.NameTooLong, Read("a" + longest[1..].Insert(200, "a")).Refusal);
        Assert.Equal(NameRefusal.LabelTooLong, Read(new string('a', 2000)).Refusal);
    }

    [Theory]
    [InlineData("https://track.shop.example.com/", "track.shop.example.com")]
    [InlineData("HTTP://Track.Shop.Example.com", "track.shop.example.com")]
    [InlineData("//track.shop.example.com", "track.shop.example.com")]
    [InlineData("track.shop.example.com/welcome?x=1#y", "track.shop.example.com")]
    [InlineData("track.shop.example.com:8443", "track.shop.example.com")]
    [InlineData("https://somebody:secret@track.shop.example.com:8443/a//b", "track.shop.example.com")]
    [InlineData("https://klick.bücher.com/", "klick.bücher.com")]
    [InlineData("track.shop.example.com\\", "track.shop.example.com")]
    public void A_pasted_scheme_port_or_path_gets_an_answer_that_shows_the_name_alone(string typed, string alone)
    {
        var name = Read(typed);
        Assert.Equal(NameRefusal.NotAlone, name.Refusal);
        Assert.EndsWith($"takes the name alone: {alone}", name.Why, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", name.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reason_says_what_would_be_right()
    {
        Assert.Contains("track.example.com", Read("example.com").Why, StringComparison.Ordinal);
        Assert.Contains("certificate authority", Read("_x.example.com").Why, StringComparison.Ordinal);
        Assert.Contains("11 labels", Read("1.2.3.4.5.6.7.8.9.example.com").Why, StringComparison.Ordinal);
        Assert.Contains("xn--abc", Read("xn--abc.example.com").Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("track.example.com", "track", "example.com")]
    [InlineData("a.b.example.co.uk", "a.b", "example.co.uk")]
    [InlineData("track.github.io", "track", "github.io")]
    [InlineData("com", "com", "")]
    public void A_name_stands_in_the_zone_of_its_registered_domain(string name, string relative, string zone)
    {
        Assert.Equal(relative, TrackingDomainName.RelativeName(Host(name)));
        Assert.Equal(zone, TrackingDomainName.Zone(Host(name)));
    }

    private static TrackingDomainName Read(string? typed) => TrackingDomainName.Read(typed, _systemHost, _systemZone);

    private static HostName Host(string name) => HostName.TryParse(name, out var host)
        ? host
        : throw new ArgumentException(name);
}
