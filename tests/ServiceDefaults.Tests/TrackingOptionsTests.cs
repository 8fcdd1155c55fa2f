using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.ServiceDefaults.Tests;

public sealed class TrackingOptionsTests
{
    [Fact]
    public async Task Values_of_every_form_are_bound()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["Tracking:Sample:Count"] = "7",
            ["Tracking:Sample:Wait"] = "00:00:30",
            ["Tracking:Sample:Mode"] = "passThrough",
            ["Tracking:Sample:Enabled"] = "true",
            ["Tracking:Sample:Proxies:0"] = "10.0.0.1",
            ["Tracking:Sample:Proxies:1"] = "10.0.0.2",
            ["Tracking:Sample:Limits:bulk"] = "3",
            ["Tracking:Sample:Inner:Size"] = "9",
            ["tracking:sample:name"] = "case does not matter",
        });
        builder.AddTrackingOptions<SampleOptions>("Sample");
        await using var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);

        var options = app.Services.GetRequiredService<IOptions<SampleOptions>>().Value;

        Assert.Equal(7, options.Count);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Wait);
        Assert.Equal(SampleMode.PassThrough, options.Mode);
        Assert.True(options.Enabled);
        Assert.Equal(["10.0.0.1", "10.0.0.2"], options.Proxies);
        Assert.Equal(3, options.Limits["bulk"]);
        Assert.Equal(9, options.Inner.Size);
        Assert.Equal("case does not matter", options.Name);
    }

    [Theory]
    [InlineData("Sample:Count", "abc", "Tracking__Sample__Count: got \"abc\", takes a whole number from 1 to 100")]
    [InlineData("Sample:Count", "", "Tracking__Sample__Count: got \"\", takes a whole number from 1 to 100")]
    [InlineData("Sample:Count", "101", "Tracking__Sample__Count: got \"101\", takes a whole number from 1 to 100")]
    [InlineData("Sample:Count", "1.5", "Tracking__Sample__Count: got \"1.5\", takes a whole number from 1 to 100")]
    [InlineData("Sample:Wait", "30",
        "Tracking__Sample__Wait: got \"30\", takes a duration as hh:mm:ss or d.hh:mm:ss from 00:00:01 to 01:00:00")]
    [InlineData("Sample:Wait", "02:00:00",
        "Tracking__Sample__Wait: got \"02:00:00\", takes a duration as hh:mm:ss or d.hh:mm:ss from 00:00:01 to")]
    [InlineData("Sample:Mode", "drop", "Tracking__Sample__Mode: got \"drop\", takes one of wait, passThrough")]
    [InlineData("Sample:Mode", "1", "Tracking__Sample__Mode: got \"1\", takes one of wait, passThrough")]
    [InlineData("Sample:Enabled", "ja", "Tracking__Sample__Enabled: got \"ja\", takes true or false")]
    [InlineData("Sample:Name", "four",
        "Tracking__Sample__Name: got \"four\", takes text of 5 to 30 characters")]
    [InlineData("Sample:Host", "x y", "Tracking__Sample__Host: got \"x y\", takes a host name")]
    [InlineData("Sample:Secret", "short", "Tracking__Sample__Secret: got ***, takes text of at least 16")]
    [InlineData("Sample:Limits:bulk", "many", "Tracking__Sample__Limits__bulk: got \"many\", takes a whole number")]
    [InlineData("Sample:Proxies", "10.0.0.1",
        "Tracking__Sample__Proxies: got \"10.0.0.1\", takes a list: Tracking__Sample__Proxies__0, "
        + "Tracking__Sample__Proxies__1 and so on")]
    [InlineData("Sample:Inner:Size", "0",
        "Tracking__Sample__Inner__Size: got \"0\", takes a whole number from 1 to 10")]
    [InlineData("Sample:Inner:Szie", "1", "Tracking__Sample__Inner__Szie: unknown setting; known are Size")]
    [InlineData("Sample:Cuont", "1",
        "Tracking__Sample__Cuont: unknown setting; known are Count, Enabled, Host, Inner, Limits, Mode, Name, Proxies, "
        + "Secret, Wait")]
    [InlineData("Sample:Count:Deep", "1",
        "Tracking__Sample__Count__Deep: unknown setting; Tracking__Sample__Count is a single value")]
    [InlineData("Sample", "1", "Tracking__Sample: got \"1\", takes settings of its own: Count, Enabled, Host")]
    [InlineData("Smaple:Count", "1",
        "Tracking__Smaple__Count: unknown setting; known under Tracking are ")]
    [InlineData("SystemHots", "x",
        "Tracking__SystemHots: unknown setting; known under Tracking are ")]
    public async Task A_wrong_setting_stops_the_process_with_one_line(string key, string value, string expected)
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string> { [$"Tracking:{key}"] = value });
        builder.AddTrackingOptions<SampleOptions>("Sample");
        await using var app = builder.Build();
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        Assert.Equal(StartUp.ConfigurationError, code);
        var line = error.ToString().TrimEnd();
        Assert.StartsWith("Tracking cannot start: " + expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public async Task Where_a_section_is_unknown_the_known_ones_are_listed()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string> { ["Tracking:Smaple:Count"] = "1" });
        builder.AddTrackingOptions<SampleOptions>("Sample");
        builder.AddTrackingOptions<RootOptions>("");
        await using var app = builder.Build();
        using var error = new StringWriter();

        await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        var known = error.ToString().TrimEnd().Split(" are ")[^1].Split(", ");
        Assert.Superset(new HashSet<string> { "Region", "Sample" }, known.ToHashSet());
    }

    [Fact]
    public void Everything_added_is_checked_before_the_host_is_built()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["Tracking:Sample:Count"] = "0",
            ["Tracking:Sample:Inner:Size"] = "11",
            ["Tracking:Smaple"] = "1",
            ["Tracking:SystemHost"] = "http://track.example.com",
        });
        builder.AddTrackingOptions<SampleOptions>("Sample");

        var refusal = Assert.Throws<StartUpException>(() => builder.CheckSettings());

        Assert.Contains("Tracking__Sample__Count: got \"0\"", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Tracking__Sample__Inner__Size: got \"11\"", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Tracking__Smaple: unknown setting", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Tracking__SystemHost: got \"http://", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_required_setting_is_named_with_what_it_takes()
    {
        var builder = TestHost.CreateBuilder();
        builder.AddTrackingOptions<NeedyOptions>("Needy");
        await using var app = builder.Build();
        using var error = new StringWriter();

        await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        Assert.Equal("Tracking cannot start: Tracking__Needy__Url: missing, takes a URL", error.ToString().TrimEnd());
    }

    [Fact]
    public async Task Rules_over_several_settings_name_them()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["Tracking:Span:From"] = "9",
            ["Tracking:Span:To"] = "3",
        });
        builder.AddTrackingOptions<SpanOptions>("Span");
        await using var app = builder.Build();
        using var error = new StringWriter();

        await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        Assert.Equal(
            "Tracking cannot start: Tracking__Span__From, Tracking__Span__To: got 9 and 3, "
            + "the first may not be the larger",
            error.ToString().TrimEnd());
    }

    [Fact]
    public async Task All_wrong_settings_stand_in_the_one_line()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["Tracking:Sample:Count"] = "0",
            ["Tracking:Sample:Name"] = "x",
        });
        builder.AddTrackingOptions<SampleOptions>("Sample");
        await using var app = builder.Build();
        using var error = new StringWriter();

        await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        var line = error.ToString().TrimEnd();
        Assert.Contains("Tracking__Sample__Count", line, StringComparison.Ordinal);
        Assert.Contains("Tracking__Sample__Name", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void Options_can_be_read_while_the_host_is_being_built()
    {
        var good = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Tracking:Sample:Count", "7")]).Build();
        var bad = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Tracking:Sample:Count", "x")]).Build();

        Assert.Equal(7, good.ReadTrackingOptions<SampleOptions>("Sample").Count);
        var refusal = Assert.Throws<StartUpException>(() => bad.ReadTrackingOptions<SampleOptions>("Sample"));
        Assert.Equal("Tracking__Sample__Count: got \"x\", takes a whole number from 1 to 100", refusal.Message);
    }

    [Fact]
    public async Task Keys_directly_under_the_root_have_their_class_too()
    {
        var builder = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["Tracking:Region"] = "eu",
            ["Tracking:Sample:Count"] = "2",
        });
        builder.AddTrackingOptions<RootOptions>("");
        builder.AddTrackingOptions<SampleOptions>("Sample");
        await using var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);

        Assert.Equal("eu", app.Services.GetRequiredService<IOptions<RootOptions>>().Value.Region);
    }

    [Fact]
    public void A_section_belongs_to_one_class_however_often_it_is_added()
    {
        var builder = TestHost.CreateBuilder();
        builder.AddTrackingOptions<SampleOptions>("Sample");
        var services = builder.Services.Count;
        builder.AddTrackingOptions<SampleOptions>("Sample");

        Assert.Equal(services, builder.Services.Count);
        Assert.Throws<InvalidOperationException>(() => builder.AddTrackingOptions<SpanOptions>("Sample"));
    }

    private sealed class SampleOptions
    {
        [Range(1, 100)]
        public int Count { get; init; } = 5;

        [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
        public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(5);

        public SampleMode Mode { get; init; }

        public bool? Enabled { get; init; }

        [StringLength(30, MinimumLength = 5)]
        public string? Name { get; init; }

        [RegularExpression("[a-z.]+", ErrorMessage = "a host name")]
        public string? Host { get; init; }

        [DataType(DataType.Password), MinLength(16)]
        public string? Secret { get; init; }

        public IReadOnlyList<string> Proxies { get; init; } = [];

        public Dictionary<string, int> Limits { get; } = [];

        public InnerOptions Inner { get; init; } = new();
    }

    private sealed class InnerOptions
    {
        [Range(1, 10)]
        public int Size { get; init; } = 1;
    }

    private enum SampleMode
    {
        Wait,
        PassThrough,
    }

    private sealed class NeedyOptions
    {
        [Required]
        public Uri? Url { get; init; }
    }

    private sealed class RootOptions
    {
        public string? Region { get; init; }
    }

    private sealed class SpanOptions : IValidatableObject
    {
        public int From { get; init; }

        public int To { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            From <= To
                ? []
                : [new($"got {From} and {To}, the first may not be the larger", [nameof(From), nameof(To)])];
    }
}
