using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Mime;
using Tracking.Rewrite.Text;

namespace Tracking.Rewrite.Tests.Text;

/// <summary>The signs that belong to a URL in running text. A link is between <c>⟦</c> and <c>⟧</c>. All other text
/// stays plain.</summary>
public sealed class WhereTextUrlsEndTests(ITestOutputHelper log)
{
    private static readonly string[] _wordSigns =
    [
        "·", "\u200c", "\u200d", "・", "･", "׳", "״", "་", "’", "‘", "´", "‧", "-", "‐", "‑", "–", "־", "゠", "〜",
        "\u00ad", "՚", "՛", "՞", "॰", "'", "\u0301", "\ufe0f", "′", "§", "᠆", "\u2060",
    ];

    private static readonly string[] _letters =
        ["a", "Z", "0", "é", "ש", "س", "बी", "ス", "字", "བོ", "ա", "e\u0301", "👩", "❤️", "ꞏ", "ß"];

    public static TheoryData<string> InWords =>
    [
        // Catalan, Hebrew, Persian, Japanese, Tibetan, French, Uzbek, Armenian, Hindi, Malayalam, Mongolian.
        "Obra: ⟦https://e.example/col·lecció⟧ i prou", "⟦https://e.example/a⟧ · ⟦https://e.example/b⟧",
        "· ⟦https://e.example/a⟧·", "⟦https://e.example/l·l⟧· x", "⟦https://e.example/a⟧·⟦https://e.example/b⟧",
        "⟦https://e.example/paral·lel/x⟧", "⟦https://e.example/col·%6Cecció⟧",
        "⟦https://e.example/?q=col·lecció#l·l⟧.", "⟦https://e.example/תנ״ך⟧ x", "⟦https://e.example/ג׳ירף⟧",
        "⟦https://e.example/צ⟧׳ x", "⟦https://e.example/תנ\"ך⟧, x", "\"⟦https://e.example/תנ⟧\"ך",
        "⟦https://e.example/תנ⟧\" ך", "⟦https://e.example/tel⟧\"x", "⟦https://e.example/בית־ספר⟧־",
        "⟦https://e.example/می\u200cخواهم⟧ x", "⟦https://e.example/می⟧\u200c x",
        "⟦https://e.example/می\u200c\u200cخواهم⟧", "⟦https://e.example/می\u200c/x⟧", "⟦https://e.example/スター・ウォーズ⟧ x",
        "・⟦https://e.example/ア⟧・ x", "⟦https://e.example/ア⟧・⟦https://e.example/イ⟧", "⟦https://e.example/ｽﾀｰ･ｳｫｰｽﾞ⟧",
        "⟦https://e.example/བོད་ཡིག⟧་ x", "⟦https://e.example/བོད་/ཡིག⟧།", "⟦https://e.example/l’école⟧ x",
        "⟦https://e.example/d’l’x⟧’", "⟦https://e.example/O‘zbekiston⟧ x", "⟦https://e.example/wiki/’t_Hooft⟧",
        "⟦https://e.example/Ո՞վ_է⟧ x", "⟦https://e.example/ए॰_पी॰_जे⟧॰ x", "⟦https://e.example/പോലൊരാള്\u200d.html⟧",
        "⟦https://e.example/പോലൊരാള്\u200d⟧ x", "⟦https://e.example/a–b⟧–", "⟦https://e.example/a‑b‐c⟧‐ x",
        "⟦https://e.example/Donau\u00addampf⟧\u00ad", "⟦https://e.example/e\u0301/e\u0301⟧ x",
        "⟦https://e.example/rock-’n’-roll⟧", "⟦https://e.example/bgb/§5⟧", "⟦https://e.example/wiki/¿Quién⟧? x",
        "⟦https://e.example/a⟧¿Qué", "⟦https://e.example/a⟧ — x", "⟦https://e.example/a⟧—b",

        // Emoji.
        "⟦https://e.example/👩\u200d💻⟧ x", "⟦https://e.example/❤\ufe0f\u200d🔥⟧ x",
        "⟦https://e.example/🙂\u200d↔\ufe0f⟧.", "⟦https://e.example/🏳\ufe0f\u200d🌈/x⟧", "⟦https://e.example/👍🏽⟧ x",
        "⟦https://e.example/1\ufe0f\u20e3⟧",
        "⟦https://e.example/🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f⟧ x",
        "⟦https://e.example/👩⟧\u200d x",

        // Sentences of other scripts, and invisible characters.
        "⟦https://e.example/a⟧\u200bb", "⟦https://e.example/q⟧。次", "⟦https://e.example/q⟧、次",
        "⟦https://e.example/q⟧，次", "⟦https://e.example/q⟧！次", "⟦https://e.example/q⟧？次", "⟦https://e.example/q⟧」次",
        "⟦https://e.example/q⟧；次", "⟦https://e.example/q⟧：次", "⟦https://e.example/q⟧…", "⟦https://e.example/q⟧؟ x",
        "⟦https://e.example/q⟧، x", "⟦https://e.example/q⟧।", "⟦https://e.example/q⟧։",
        "⟦https://e.example/q⟧\u200e x", "⟦https://e.example/q⟧\u3000x", "⟦https://e.example/q⟧\u00a0x",
        "⟦https://e.example/a次は⟧⟦https://e.example/b⟧",
    ];

    public static TheoryData<string> Opened =>
    [
        "(⟦https://e.example/a⟧)Now", "[⟦https://e.example/b⟧]Offer", "{⟦https://e.example/c⟧}x",
        "<⟦https://e.example/d⟧>x", "\"⟦https://e.example/e⟧\"x", "'⟦https://e.example/f⟧'x",
        "‘⟦https://e.example/g⟧’x", "‚⟦https://e.example/h⟧‘x", "“⟦https://e.example/i⟧”x", "„⟦https://e.example/j⟧“x",
        "«⟦https://e.example/k⟧»x", "»⟦https://e.example/l⟧«x", "‹⟦https://e.example/m⟧›x", "「⟦https://e.example/n⟧」x",
        "『⟦https://e.example/o⟧』x", "【⟦https://e.example/p⟧】x", "（⟦https://e.example/q⟧）x", "《⟦https://e.example/r⟧》x",
        "〈⟦https://e.example/s⟧〉x", "［⟦https://e.example/t⟧］x", "`⟦https://e.example/u⟧`x",
        "``⟦https://e.example/v⟧''x", "(see ⟦https://e.example/w⟧)Now", "(x (y) ⟦https://e.example/x⟧)Now",
        "(⟦https://e.example/X_(y)⟧)z", "⟦https://e.example/X_(y)z⟧", "⟦https://e.example/X_(y_(z))⟧)",
        "⟦https://e.example/a)b⟧", "(x) ⟦https://e.example/a)b⟧", "([⟦https://e.example/a⟧])b",
        "(\"⟦https://e.example/a⟧\")b", "(**⟦https://e.example/a⟧**)b", "'⟦https://e.example/d'abord⟧' x",
        "‘⟦https://e.example/l’école⟧’, x", "‘⟦https://e.example/a⟧’x ’", "'⟦https://e.example/a⟧'.x",
        "l'⟦https://e.example/d'abord⟧ x", "l’⟦https://e.example/d’abord⟧ x", "⟦https://e.example/a?b[]=1&c[x]=2⟧]",
        "⟦https://e.example/a⟧(see below)", "⟦https://e.example/a⟧[see below]",
        "https://img.example/filters:mark(https://e.example/b)/300x/c.png x",
        "https://img.example/a[https://e.example/b]?c ⟦https://e.example/d⟧",
        "⟦https://e.example/a⟧(⟦https://e.example/b⟧) /c",
        "⟦https://e.example/a⟧(⟦https://e.example/b⟧)c", "⟦https://e.example/a⟧]b", "⟦https://e.example/{id}/x⟧",
        "⟦https://e.example/a⟧（説明）", "\\url{⟦https://e.example/a⟧}b", "<URL:⟦https://e.example/a)b,⟧>",
        "(⟦https://e.example⟧)Now", "[⟦https://e.example⟧]Now.See/it", "'⟦https://e.example⟧'s",
        "(https://e.example/{{ x }})", "⟦https://[2001:db8::1]:8080/a⟧]", "(⟦https://[2001:db8::1]⟧)b",
    ];

    public static TheoryData<string> Marked =>
    [
        "[web](⟦https://www.e.example⟧)[mail](mailto:someone@e.example)",
        "|⟦https://a.example/x⟧|⟦https://b.example/y⟧|", "**⟦https://e.example/a⟧**", "_⟦https://e.example/a⟧_",
        "__⟦https://e.example/a⟧__ x", "***⟦https://e.example/a⟧***", "**_⟦https://e.example/a⟧_**",
        "~~⟦https://e.example/a⟧~~", "~⟦https://e.example/a⟧~", "*⟦https://e.example/a⟧*, x",
        "**⟦https://e.example/a⟧**word", "~~⟦https://e.example/a⟧~~word", "*⟦https://e.example/a⟧*word",
        "_⟦https://e.example/a⟧_.", "_see ⟦https://e.example/a⟧_ x", "*see ⟦https://e.example/a⟧* x",
        "snake_case ⟦https://e.example/a_⟧ x", "2 * 3 ⟦https://e.example/*⟧ x", "⟦https://e.example/a⟧* x",
        "⟦https://e.example/_a_b_⟧ x", "_⟦https://e.example/a_b⟧_", "__⟦https://e.example/a⟧__word",
        "__⟦https://e.example/__init__.py⟧__", "_⟦https://e.example/__init__.py⟧_", "__⟦https://e.example/a__b⟧__",
        "https://e.example/?fields=a|b|c x", "|x|⟦https://e.example/a⟧|b|", "⟦https://e.example/a⟧| b",
        "x | ⟦https://e.example/a⟧|b", "⟦https://e.example/a•b⟧ • c", "https://paral|lel.example.com/",
        "|⟦https://e.example⟧|b|", "⟦https://e.example/~user/⟧", "~⟦https://e.example/~user⟧~",
        "⟦https://e.example/*/a⟧", "**⟦https://e.example⟧**", "_⟦https://e.example⟧_", "**⟦https://e.example⟧**word",
        "[⟦https://e.example/a⟧](⟦https://e.example/b⟧)c", "[a](⟦https://e.example/a⟧ \"b\")",
        "[1]: ⟦https://e.example/a⟧", "![a](⟦https://e.example/a⟧)(b)", "| ⟦https://e.example/a⟧ | b |",
        "│⟦https://e.example/a⟧│b", "｜⟦https://e.example/a⟧｜b", "⟦https://e.example/a⟧¦b",
        "<⟦https://e.example/a⟧|Label>", "`⟦https://e.example/a⟧`", "⟦https://e.example/a⟧\\",
        "⟦https://e.example/a⟧^ x", "⟦https://e.example/a⟧&gt; x", "⟦https://e.example/a?b=c;d⟧; x",
        "⟦https://e.example/a⟧,⟦https://e.example/b⟧", "⟦https://e.example/a⟧;⟦https://e.example/b⟧",
        "⟦https://e.example/?a=https://b.example,https://c.example⟧", "⟦https://e.example/?x=*|ID|*⟧ x",
        "⟦https://e.example/a⟧<br>", "⟦https://e.example/a⟧|⟦https://e.example/b⟧",
    ];

    public static TheoryData<string> Hosts =>
    [
        "⟦https://paral·lel.example.com/x⟧ i", "⟦https://paral·lel.example.com⟧· x", "https://l’école.example.com/x",
        "https://e.example’s x", "https://paral‐lel.example.com/x", "https://paral\u200blel.example.com/x",
        "https://shop.exam\u200bple.com/x", "https://ｅｘａｍｐｌｅ．ｃｏｍ/x", "https://例え。テスト/x", "https://www.例え。テスト/x",
        "⟦https://e.example⟧。次の文。", "⟦https://e.example⟧、次", "⟦https://e.example⟧\u200bต่อ",
        "https://para\"lel.example.com/x", "https://para!lel.example.com/x", "https://para,lel.example.com/x",
        "https://para*lel.example.com/x", "https://para$lel.example.com/x", "https://para(lel.example.com/x",
        "https://para—lel.example.com/x", "https://para…lel.example.com/x", "https://para�lel.example.com/x",
        "https://a.para¿lel.example/x", "⟦https://e.example⟧,and x", "⟦https://e.example⟧'s x",
        "⟦https://e.example⟧, x", "⟦https://e.example⟧; x", "⟦https://e.example⟧.", "⟦https://user:pass@e.example/⟧",
        "⟦https://user@e.example:8080/⟧", "⟦https://us$er!:p+w@e.example/⟧", "https://us,er@e.example/",
        "https://e.example,bob@other.example/", "https://a@b@e.example/", "https://e.example&x=1",
        "⟦https://e.example/a@b.example⟧", "⟦https://e.example⟧)(bob@other.example)",
        "https://e.example|bob@other.example", "⟦https://e.example⟧<bob@other.example>",
        "⟦https://e.example⟧ bob@other.example", "⟦https://e.example?a@b.example⟧", "⟦https://e.example#a@b.example⟧",
        "⟦https://localhost:8080/x⟧", "⟦https://intranet/x⟧, y", "⟦https://192.0.2.1⟧, x",
        "⟦https://my_shop.example.com/⟧", "https://<%= host %>/", "https:///e.example/x",
        "https://https://e.example/x", "https://e.example·bob@other.example/", "https://e.example次bob@other.example/",
        "⟦https://e.example⟧:", "https://e.example/<%= id %>/x", "⟦https://דוגמה.example/x⟧",
        "⟦https://क्ष.example/x⟧",
    ];

    [Theory]
    [MemberData(nameof(InWords))]
    public void Sign_inside_a_word_belongs_to_the_url_and_at_its_end_does_not(string text) => Check(text);

    [Theory]
    [MemberData(nameof(Opened))]
    public void Bracket_or_quote_opened_before_the_url_ends_it(string text) => Check(text);

    [Theory]
    [MemberData(nameof(Marked))]
    public void Marks_of_markdown_and_tables_stay_in_the_text(string text) => Check(text);

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Host_is_whole_or_the_url_stays_plain(string text) => Check(text);

    [Fact]
    public void Text_outside_of_links_stays_and_links_lead_where_they_are_written()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        string[] pieces =
        [
            .. _wordSigns, .. _letters, " ", "\r\n", ".", ",", "(", ")", "[", "]", "{", "}", "*", "**", "_", "~~", "|",
            "\"", "“", "”", "<", ">", "。", "/", "@", ":", "?", "#", "https://", "https://e.example/",
            "https://e.example", "e.example", "word", "`", "\\",
        ];
        for (var i = 0; i < 20_000 * Seed.Factor; i++)
        {
            var text = string.Concat(random.GetItems(pieces, random.Next(1, 24)).Prepend("https://e.example/"));
            var message = Encoding.UTF8.GetBytes(
                $"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n");
            using var plan = RewriteMessage.Plan(message, TestKeys.Request);
            var output = Encoding.UTF8.GetString(TestKeys.Write(plan));
            foreach (var link in plan.Links.Where(link => link.IsTracked))
            {
                var url = Encoding.UTF8.GetString(link.Url.Span);
                var wrapped = output.IndexOf("https://track.example.com/c/", StringComparison.Ordinal);
                output = output[..wrapped] + url + output[(wrapped + 28 + 40)..];
                AssertLeadsWhereItIsWritten(url, Encoding.ASCII.GetString(link.Destination.Span));
            }

            Assert.Equal(Encoding.UTF8.GetString(message), output);
        }
    }

    [Fact]
    public void Url_is_never_cut_inside_a_word()
    {
        log.WriteLine($"seed {Seed.Value}");
        var random = new Random(Seed.Value);
        for (var i = 0; i < 20_000 * Seed.Factor; i++)
        {
            var word = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ =>
                _letters[random.Next(_letters.Length)] + _wordSigns[random.Next(_wordSigns.Length)]))
                + _letters[random.Next(_letters.Length)];
            Check($"⟦https://e.example/wiki/{word}⟧ x");
            Check($"(⟦https://e.example/{word}/?{word}⟧)x".Replace("'", "-", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("windows-1252", "⟦https://e.example/l’école·x⟧· “⟦https://e.example/é⟧”x")]
    [InlineData("windows-1255", "⟦https://e.example/תנ\"ך⟧ ⟦https://e.example/ג׳ירף⟧׳ x")]
    [InlineData("macintosh", "⟦https://e.example/l’école⟧’ «⟦https://e.example/é⟧»x")]
    [InlineData("euc-jp", "⟦https://e.example/スター・ウォーズ⟧・ 「⟦https://e.example/字⟧」次")]
    [InlineData("euc-jp", "⟦https://e.example/日本⟧. ⟦https://e.example/日本⟧")]
    [InlineData("koi8-r", "⟦https://e.example/а·б⟧· x")]
    public void Signs_are_read_in_the_charset_of_the_text(string charset, string text)
    {
        var encoding = CodePagesEncodingProvider.Instance.GetEncoding(charset == "euc-jp" ? "51932" : charset)
            ?? CodePagesEncodingProvider.Instance.GetEncoding(51932)!;
        Check(text, encoding, MailCharset.Find(Encoding.ASCII.GetBytes(charset))!);
    }

    [Theory]
    [InlineData("(⟦https://e.example/a \r\nb \r\nc⟧)Now")]
    [InlineData("(⟦https://e.example/a⟧)Now \r\nthen")]
    [InlineData("(⟦https://e.example/a \r\nb⟧)Now \r\nthen")]
    [InlineData("⟦https://e.example/a \r\nb⟧(c \r\nd e")]
    [InlineData("⟦https://e.example/a \r\n_(b \r\nc)d⟧ e")]
    [InlineData("⟦https://e.example/colX \r\n·lecció⟧· e")]
    [InlineData("**⟦https://e.example/a \r\nb⟧**c \r\nd")]
    [InlineData("⟦https://e.example/a \r\n/b⟧,⟦https://e.example/c \r\nd⟧ e")]
    [InlineData("<⟦https://e.example/a \r\nb)c.⟧>")]
    [InlineData("<⟦https://e.example/a]b \r\nc \r\nd⟧>")]
    [InlineData("<⟦https://e.example/a \r\nb⟧](c x>")]
    public void Url_over_flowed_lines_ends_as_on_one_line(string text) =>
        Check(text, Encoding.UTF8, MailCharset.Utf8, isFlowed: true);

    [Theory]
    [InlineData("<⟦https://e.example/a \r\nb⟧> \r\nc")]
    [InlineData("<⟦https://e.example/a⟧ \r\nthen text> c")]
    [InlineData("⟦https://e.example/a⟧ \r\nb")]
    public void Url_over_flowed_lines_with_kept_spaces_goes_on_between_angle_brackets(string text) =>
        Check(text, Encoding.UTF8, MailCharset.Utf8, isFlowed: true, deletesSpace: false);

    private static void AssertLeadsWhereItIsWritten(string url, string destination)
    {
        var host = url[8..];
        var end = host.IndexOfAny(['/', '?', '#', '\\']);
        if (Ascii.IsValid(end < 0 ? host : host[..end]))
        {
            Assert.Equal(
                string.Concat(
                    Encoding.UTF8.GetBytes(url).Select(c => c is > 0x20 and < 0x7f ? $"{(char)c}" : $"%{c:X2}")),
                destination);
        }
    }

    private static void Check(string text) => Check(text, Encoding.UTF8, MailCharset.Utf8);

    private static void Check(
        string text, Encoding encoding, MailCharset charset, bool isFlowed = false, bool deletesSpace = true)
    {
        using var found = new PartFindings();
        var bytes = encoding.GetBytes(
            text.Replace("⟦", "", StringComparison.Ordinal).Replace("⟧", "", StringComparison.Ordinal));
        FindTextLinks.Find(bytes, charset, isFlowed, isFlowed && deletesSpace, found);
        var marked = new StringBuilder();
        var position = 0;
        foreach (var link in found.Links.Span)
        {
            marked.Append(encoding.GetString(bytes.AsSpan(position..link.Start)));
            var written = encoding.GetString(bytes.AsSpan(link.Start..link.End));
            var url = link.Url.IsGiven ? link.Url.In(found.Buffer.Span) : bytes.AsSpan(link.Start..link.End);
            var isLink = !link.Has(FoundFlags.Unclear)
                && DestinationPolicy.Read(url, null, out _) == DestinationOutcome.Accepted;
            marked.Append(isLink ? $"⟦{written}⟧" : written);
            if (isLink)
            {
                Assert.Equal(written.Replace(" \r\n", "", StringComparison.Ordinal), Encoding.UTF8.GetString(url));
            }

            position = link.End;
        }

        Assert.Equal(text, marked.Append(encoding.GetString(bytes.AsSpan(position))).ToString());
    }
}
