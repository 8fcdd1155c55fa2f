using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tracking.Database.Entities;

namespace Tracking.EventIngest.Bots;

/// <summary>A pattern of the list.</summary>
/// <param name="Pattern">The pattern as the list writes it.</param>
/// <param name="Reason">The reason that a match gives.</param>
internal sealed record CrawlerPattern(string Pattern, Reason Reason);

/// <summary>
/// The user agents of crawlers, in the format of github.com/monperrus/crawler-user-agents: a JSON array of objects with
/// <c>pattern</c> and <c>tags</c>. Nearly all patterns are plain texts, and one search covers all of them. The few
/// other patterns are regular expressions without backtracking.
/// </summary>
internal sealed class CrawlerList
{
    /// <summary>The name under which the list is updated.</summary>
    public const string Name = "crawlers";

    /// <summary>The version of the shipped list: npm package crawler-user-agents 1.60.0, and the date of its newest
    /// entry.</summary>
    public const string ShippedVersion = "1.60.0 (2026-08-06)";

    /// <summary>The longest list that is accepted, in bytes. The shipped list has half a megabyte.</summary>
    public const int MostBytes = 16 << 20;

    private const string Source = "crawler-user-agents";

    private readonly SearchValues<string> _texts;
    private readonly List<(string Text, CrawlerPattern Pattern)> _plain = [];
    private readonly List<(Regex Regex, CrawlerPattern Pattern)> _others = [];

    private CrawlerList(string version)
    {
        Version = version;
        Listed = Of("listed-crawler", Verdict.Scanner, "the list of crawlers names it");
        Preview = Of("listed-preview", Verdict.Preview, "the list of crawlers names it, as one that shows previews");
        _texts = SearchValues.Create([], StringComparison.Ordinal);

        static Reason Of(string code, Verdict verdict, string meaning) => new(code, verdict, 90, Source, meaning);
    }

    private CrawlerList(string version, IEnumerable<JsonElement> entries)
        : this(version)
    {
        foreach (var entry in entries)
        {
            var pattern = entry.GetProperty("pattern").GetString()!;
            var isPreview = entry.TryGetProperty("tags", out var tags)
                && tags.EnumerateArray().Any(tag => tag.ValueEquals("social-preview"));
            Add(new CrawlerPattern(pattern, isPreview ? Preview : Listed));
        }

        _texts = SearchValues.Create([.. _plain.Select(plain => plain.Text)], StringComparison.Ordinal);
    }

    /// <summary>The shipped list.</summary>
    public static CrawlerList Shipped { get; } = Read(ShippedBytes(), ShippedVersion);

    /// <summary>The version of the list.</summary>
    public string Version { get; }

    /// <summary>The reason for a listed program that makes no previews.</summary>
    public Reason Listed { get; }

    /// <summary>The reason for a listed program that makes previews.</summary>
    public Reason Preview { get; }

    /// <summary>The number of patterns.</summary>
    public int Count => _plain.Count + _others.Count;

    /// <summary>Reads a list.</summary>
    /// <param name="json">UTF-8, at most <see cref="MostBytes"/>.</param>
    /// <param name="version">The version; if null, the beginning of the list's SHA-256.</param>
    /// <exception cref="FormatException">The bytes are not a list of crawlers. The message says what is
    /// wrong.</exception>
    public static CrawlerList Read(ReadOnlyMemory<byte> json, string? version = null)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var list = new CrawlerList(
                version ?? Convert.ToHexStringLower(SHA256.HashData(json.Span))[..12],
                document.RootElement.EnumerateArray());
            return list.Count > 0 ? list : throw new FormatException("The list is empty.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException
            or KeyNotFoundException or ArgumentException or NotSupportedException)
        {
            throw new FormatException($"It is not a list of crawlers: {exception.Message}", exception);
        }
    }

    /// <summary>The first pattern that matches a user agent.</summary>
    public CrawlerPattern? Find(string userAgent)
    {
        if (userAgent.AsSpan().ContainsAny(_texts))
        {
            return _plain.First(plain => userAgent.Contains(plain.Text, StringComparison.Ordinal)).Pattern;
        }

        foreach (var (regex, pattern) in _others)
        {
            if (regex.IsMatch(userAgent))
            {
                return pattern;
            }
        }

        return null;
    }

    private static byte[] ShippedBytes()
    {
        using var stream = typeof(CrawlerList).Assembly.GetManifestResourceStream("CrawlerUserAgents.json")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private void Add(CrawlerPattern pattern)
    {
        if (TryReadPlain(pattern.Pattern, out var text))
        {
            // A text that occurs in every user agent would turn every person into a machine.
            if (text.Length < 2)
            {
                throw new FormatException($"The pattern \"{pattern.Pattern}\" is too short.");
            }

            _plain.Add((text, pattern));
            return;
        }

        _others.Add((
            new Regex(pattern.Pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant), pattern));
    }

    // A pattern without operators is a text in which some characters are escaped.
    private static bool TryReadPlain(string pattern, out string text)
    {
        var plain = new StringBuilder(pattern.Length);
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '\\' && i + 1 < pattern.Length && !char.IsLetterOrDigit(pattern[i + 1]))
            {
                plain.Append(pattern[++i]);
            }
            else if (@"\.^$|?*+()[]{}".Contains(pattern[i], StringComparison.Ordinal))
            {
                text = "";
                return false;
            }
            else
            {
                plain.Append(pattern[i]);
            }
        }

        text = plain.ToString();
        return true;
    }
}
