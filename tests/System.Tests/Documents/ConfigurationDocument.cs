using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Tracking.Certificates;
using Tracking.DomainVerifier;
using Tracking.EventIngest;
using Tracking.Gateway;
using Tracking.Management;
using Tracking.Migrator;
using Tracking.Milter;
using Tracking.RedirectEdge;
using Tracking.Rewrite;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.SmtpFilter;
using Tracking.Standalone;

namespace Tracking.System.Tests.Documents;

/// <summary>
/// docs/configuration.md: its head is written by hand, and everything below the mark comes from the options classes.
/// <c>TRACKING_UPDATE_DOCS=1</c> writes the file instead of comparing it. Then run this class alone, because the
/// programs of other tests refuse unknown variables.
/// </summary>
public sealed class ConfigurationDocument
{
    private const string Mark = "<!-- Generated from here on: see tests/System.Tests/Documents. -->\n";

    private static readonly string _file = Path.Combine(Root(), "docs", "configuration.md");

    [Fact]
    public async Task Every_setting_is_in_the_document_as_the_code_has_it()
    {
        var written = await global::System.IO.File.ReadAllTextAsync(_file, TestContext.Current.CancellationToken);
        var head = written[..written.IndexOf(Mark, StringComparison.Ordinal)];
        var describe = new DescribeSettings();

        var expected = head + Mark + string.Concat(Settings()
            .GroupBy(setting => setting.Section, StringComparer.Ordinal)
            .OrderBy(section => section.Key, StringComparer.Ordinal)
            .Select(section => describe.Section(
                section.Key,
                section.Select(setting => setting.Type).OrderBy(type => type.FullName, StringComparer.Ordinal))));

        Assert.Empty(describe.Undocumented);
        if (Environment.GetEnvironmentVariable("TRACKING_UPDATE_DOCS") == "1")
        {
            await global::System.IO.File.WriteAllTextAsync(_file, expected, TestContext.Current.CancellationToken);
            return;
        }

        Assert.True(
            expected == written,
            "docs/configuration.md is out of date: TRACKING_UPDATE_DOCS=1 and this test alone write it.");
    }

    [Fact]
    public async Task The_head_names_every_variable_of_the_program_and_every_exit_code()
    {
        var written = await global::System.IO.File.ReadAllTextAsync(_file, TestContext.Current.CancellationToken);
        var head = written[..written.IndexOf(Mark, StringComparison.Ordinal)];

        Assert.All(
            [.. StandaloneSettings.Names, "ConnectionStrings__tracking"],
            name => Assert.Contains($"`{name}`", head, StringComparison.Ordinal));
        Assert.All(
            [0, StartUp.Failed, StartUp.Unavailable, StartUp.ConfigurationError],
            code => Assert.Contains($"| {code} |", head, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_options_class_of_the_program_is_checked_and_so_described()
    {
        var settings = Settings().Select(setting => setting.Type).ToHashSet();
        var declared = Directory.EnumerateFiles(AppContext.BaseDirectory, "Tracking.*.dll")
            .Select(file => Assembly.Load(Path.GetFileNameWithoutExtension(file)))
            .Where(assembly => !assembly.GetName().Name!.EndsWith(".Tests", StringComparison.Ordinal))
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsClass: true, IsAbstract: false }
                && type.Name.EndsWith("Options", StringComparison.Ordinal));

        Assert.All(declared, type => Assert.Contains(type, settings));
    }

    private static List<KnownSetting> Settings()
    {
        var builder = WebApplication.CreateBuilder();
        StandaloneHost.AddSettings(builder);
        builder.AddServiceDefaults();
        builder.AddRewrite();
        builder.AddSmtpFilter();
        builder.AddMilter();
        builder.AddRedirectEdge();
        builder.AddEventIngest();
        builder.AddManagement();
        builder.AddDomainVerifier();
        builder.AddGateway();
        builder.AddCertificates();
        builder.AddDomainVerifier();
        builder.AddMigrator();
        return builder.Services.KnownSettings();
    }

    private static string Root([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}
