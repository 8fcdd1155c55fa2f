using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tracking.Links.Tests;

/// <summary>Compares hosts with letters outside ASCII with the answers of two other URL parsers;
/// <c>eng/make-unicode</c> writes these answers to a file.</summary>
public sealed partial class InternationalHostsTests
{
    private const string None = "-";

    [Fact]
    public void Every_host_is_the_one_that_a_browser_would_ask_for_or_none()
    {
        var wrong = new List<string>();
        var (read, plain) = (0, 0);
        foreach (var line in Lines())
        {
            var columns = line.Split('\t');
            var host = Read(Unescape(columns[0]));

            // Where the two parsers disagree, a browser of last year may read another name than a browser of this year.
            var isRight = columns.Length == 2
                ? host == columns[1] || (host == None && HasLongLabel(columns[1]))
                : host == None || host == columns[1];
            if (!isRight)
            {
                wrong.Add($"{columns[0]}: {host} instead of {columns[1]}");
            }

            (read, plain) = host == None ? (read, plain + 1) : (read + 1, plain);
        }

        Assert.Empty(wrong);
        Assert.True(read > 3000, $"{read} names were read");
        Assert.True(plain > 1000, $"{plain} names were not");
    }

    [Fact]
    public void Every_host_that_was_read_is_read_again_as_itself()
    {
        var read = Lines().Select(line => Read(Unescape(line.Split('\t')[0]))).Where(host => host != None).ToList();
        Assert.NotEmpty(read);
        Assert.All(read, host => Assert.Equal(host, Read(host)));
    }

    [Fact]
    public void A_host_name_is_the_same_name_in_every_normal_form_and_as_its_own_A_labels()
    {
        var names = 0;
        foreach (var line in Lines())
        {
            var columns = line.Split('\t');
            if (!HostName.TryParse(Unescape(columns[0]), out var name) || name.Value == columns[0])
            {
                continue;
            }

            names++;
            Assert.Equal(columns[1].TrimEnd('.'), name.Value);
            Assert.True(HostName.TryParse(name.ToUnicode(), out var shown), name.Value);
            Assert.Equal(name, shown);
            Assert.True(HostName.TryParse(name.Value.ToUpperInvariant(), out var upper), name.Value);
            Assert.Equal(name, upper);
        }

        Assert.True(names > 2000, $"{names} names");
    }

    [Theory]
    [InlineData("✌️.example.com", "xn--7bi.example.com")]
    [InlineData("İSTANBUL.example.com", "xn--istanbul-o0e.example.com")]
    [InlineData("\u0baa\u0bc6\u0bbe\u0ba9\u0bcd.example.com", "xn--wlcb0hn.example.com")]
    [InlineData("\u0928\u093c.example.com", "xn--m2b.example.com")]
    [InlineData("bu\u0308cher.example.com", "xn--bcher-kva.example.com")]
    [InlineData("ＥＸＡＭＰＬＥ.example.com", "example.example.com")]
    [InlineData("faß.example.com", "xn--fa-hia.example.com")]
    [InlineData("日本語。ｊｐ", "xn--wgv71a119e.jp")]
    [InlineData("b%C3%BCcher.example", "xn--bcher-kva.example")]
    [InlineData("b%c3%bccher.ex%61mple", "xn--bcher-kva.example")]
    [InlineData("B\u00adÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("１２７.１", "127.0.0.1")]
    [InlineData("0ｘ７f。1", "127.0.0.1")]
    [InlineData("%EF%BC%91.2.3.4", "1.2.3.4")]
    [InlineData("XN--BCHER-KVA.example", "xn--bcher-kva.example")]
    [InlineData("a..é", "a..xn--9ca")]
    [InlineData("l·l.example", "xn--ll-0ea.example")]
    public void Host_is_read_as_browsers_do(string host, string expected) => Assert.Equal(expected, Read(host));

    [Theory]
    [InlineData("GROẞ.example")] // ss to browsers before Unicode 15.1, ß since.
    [InlineData("\u04c0.example")] // No character of names before Unicode 16.
    [InlineData("\u00ad")]
    [InlineData("a\u200db.example")]
    [InlineData("\u0301a.example")]
    [InlineData("א1٣.example")]
    [InlineData("1.א")]
    [InlineData("a℀b.example")]
    [InlineData("％41.example")]
    [InlineData("é%2541.example")]
    [InlineData("é%zz.example")]
    [InlineData("%FF.example")]
    [InlineData("xn--a.example")]
    [InlineData("XN--A-.example")]
    [InlineData("xn--u-ccb.example")] // u and U+0308, which is no label in NFC.
    [InlineData("xn--zn7c.example")]
    [InlineData("xn--99999999.example")]
    [InlineData("xn--é.example")]
    [InlineData("a b\u00e9.example")]
    [InlineData("a@b％.é")]
    [InlineData("\ud7ff\u0378.example")]
    [InlineData("٢.1.1.256é.256")]
    [InlineData("é.256.256")]
    public void Host_that_no_browser_or_not_every_browser_reads_is_none(string host) =>
        Assert.Equal(None, Read(host));

    [Fact]
    public void A_label_that_the_DNS_has_no_room_for_is_none()
    {
        Assert.NotEqual(None, Read(new string('é', 55) + ".example"));
        Assert.Equal(None, Read(new string('漢', 60) + ".example"));
        Assert.Equal(None, Read(new string('é', 3000) + ".example"));
        Assert.Equal(None, Read("xn--" + new string('a', 60) + ".example"));
    }

    // In the rewriter's reading, and in the edge's reading of the rewriter's result.
    private static string Read(string host)
    {
        var url = Encoding.UTF8.GetBytes($"https://{host}/x");
        if (DestinationPolicy.Read(url, null, out var destination) != DestinationOutcome.Accepted)
        {
            return None;
        }

        Assert.True(DestinationPolicy.IsSafeLocation(destination.Url));
        DestinationPolicy.Read(destination.Url, null, out var again);
        Assert.Equal(Encoding.ASCII.GetString(destination.Host), Encoding.ASCII.GetString(again.Host));
        Assert.Equal("/x", Encoding.ASCII.GetString(destination.Path));
        return Encoding.ASCII.GetString(destination.Host).ToLowerInvariant();
    }

    private static bool HasLongLabel(string host) => host.Split('.').Any(label => label.Length > 63);

    private static string Unescape(string text) => Escape().Replace(
        text,
        match => char.ConvertFromUtf32(int.Parse(match.Groups[1].Value, NumberStyles.HexNumber, null)));

    private static List<string> Lines()
    {
        using var stream = typeof(InternationalHostsTests).Assembly.GetManifestResourceStream("InternationalHosts.txt")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
            {
                lines.Add(line);
            }
        }

        return lines;
    }

    [GeneratedRegex(@"\\u\{([0-9a-f]+)\}")]
    private static partial Regex Escape();
}
