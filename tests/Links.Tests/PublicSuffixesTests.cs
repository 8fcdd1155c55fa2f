using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tracking.Links.Tests;

public sealed partial class PublicSuffixesTests
{
    private static readonly IdnMapping _mapping = new() { AllowUnassigned = true };

    public static TheoryData<string, string?> Vectors
    {
        get
        {
            var vectors = new TheoryData<string, string?>();
            foreach (var line in Lines("PublicSuffixVectors.txt"))
            {
                if (Vector().Match(line) is { Success: true } vector)
                {
                    vectors.Add(vector.Groups[1].Value, vector.Groups[2].Success ? vector.Groups[2].Value : null);
                }
            }

            return vectors;
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Published_vector_is_met(string name, string? domain)
    {
        // The vectors contain names that begin with a dot. They are not host names, so they have no domain.
        var registrable = HostName.TryParse(name, out var host)
            ? PublicSuffix.RegistrableDomain(host).ToString()
            : "";
        Assert.Equal(domain is null ? "" : HostName.TryParse(domain, out var expected) ? expected.Value : null,
            registrable);
    }

    [Fact]
    public void All_published_vectors_were_read() => Assert.Equal(77, Vectors.Count);

    [Theory]
    [InlineData("blog.somebody.github.io", "somebody.github.io", "github.io")]
    [InlineData("github.io", "", "github.io")]
    [InlineData("track.example.co.uk", "example.co.uk", "example.co.uk")]
    [InlineData("track.example.com", "example.com", "example.com")]
    public void Names_that_companies_give_away_count_unless_only_registries_are_asked_for(
        string name, string all, string registries)
    {
        Assert.True(HostName.TryParse(name, out var host));
        Assert.Equal(all, PublicSuffix.RegistrableDomain(host).ToString());
        Assert.Equal(registries, PublicSuffix.RegistrableDomain(host, SuffixSections.Registries).ToString());
    }

    [Theory]
    [InlineData("track.example.com", "www.example.com", true)]
    [InlineData("track.example.com", "example.com", true)]
    [InlineData("track.mail.example.com", "shop.example.com", true)]
    [InlineData("track.example.com", "track.example.org", false)]
    [InlineData("track.example.co.uk", "www.other.co.uk", false)]
    [InlineData("a.github.io", "b.github.io", false)]
    [InlineData("localhost", "localhost", true)]
    [InlineData("co.uk", "org.uk", false)]
    [InlineData("xn--55qx5d.cn", "example.xn--55qx5d.cn", false)]
    public void Organisations_are_told_apart_by_their_registrable_domain(string one, string other, bool same)
    {
        Assert.True(HostName.TryParse(one, out var first) && HostName.TryParse(other, out var second)
            && PublicSuffix.IsSameOrganisation(first, second) == same
            && PublicSuffix.IsSameOrganisation(second, first) == same);
    }

    [Fact]
    public void Names_below_and_beside_every_rule_are_cut_as_the_lists_own_algorithm_says()
    {
        var rules = new Dictionary<string, List<(string[] Labels, bool IsPrivate)>>(StringComparer.Ordinal);
        var isPrivate = false;
        foreach (var line in Lines("PublicSuffixList.dat"))
        {
            isPrivate |= line.Contains("===BEGIN PRIVATE", StringComparison.Ordinal);
            if (line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal))
            {
                var labels = line.Split('.').Select(ToAscii).ToArray();
                rules.TryAdd(labels[^1], []);
                rules[labels[^1]].Add((labels, isPrivate));
            }
        }

        var tried = 0;
        foreach (var (labels, _) in rules.Values.SelectMany(list => list))
        {
            var name = string.Join('.', labels).TrimStart('!').Replace("*", "any", StringComparison.Ordinal);
            foreach (var text in new[] { name, $"a.{name}", $"b.a.{name}", $"x{name}", $"b.x{name}" })
            {
                Assert.True(HostName.TryParse(text, out var host), text);
                foreach (var sections in Enum.GetValues<SuffixSections>())
                {
                    var usable = rules.GetValueOrDefault(text.Split('.')[^1], [])
                        .Where(rule => sections == SuffixSections.All || !rule.IsPrivate)
                        .Select(rule => rule.Labels);
                    Assert.Equal(Expected(text, usable), PublicSuffix.RegistrableDomain(host, sections).ToString());
                    tried++;
                }
            }
        }

        Assert.True(tried > 90_000, $"{tried}");
    }

    [Fact]
    public void A_look_up_allocates_nothing()
    {
        Assert.True(HostName.TryParse("a.b.c.d.e.f.track.example.city.kawasaki.jp", out var host));
        var length = PublicSuffix.RegistrableDomain(host).Length;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            length += PublicSuffix.RegistrableDomain(host).Length;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1_001 * "city.kawasaki.jp".Length, length);
    }

    // publicsuffix.org/list, "Algorithm", step by step: of the matching rules an exception comes first, otherwise the
    // rule with the most labels, otherwise "*".
    private static string Expected(string name, IEnumerable<string[]> rules)
    {
        var labels = name.Split('.');
        var matching = rules.Where(rule => rule.Length <= labels.Length
            && rule.Reverse().Zip(labels.Reverse()).All(pair =>
                pair.First == "*" || pair.First.TrimStart('!') == pair.Second)).ToList();
        var prevailing = matching.Find(rule => rule[0].StartsWith('!'))?[1..]
            ?? matching.MaxBy(rule => rule.Length)
            ?? ["*"];
        return prevailing.Length < labels.Length ? string.Join('.', labels[^(prevailing.Length + 1)..]) : "";
    }

    private static string ToAscii(string label) =>
        System.Text.Ascii.IsValid(label) ? label : _mapping.GetAscii(label);

    private static IEnumerable<string> Lines(string resource)
    {
        var assembly = resource.EndsWith(".dat", StringComparison.Ordinal)
            ? typeof(PublicSuffix).Assembly
            : typeof(PublicSuffixesTests).Assembly;
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    [GeneratedRegex(@"^checkPublicSuffix\('([^']*)', (?:'([^']*)'|null)\);")]
    private static partial Regex Vector();
}
