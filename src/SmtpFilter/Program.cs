using Tracking.Milter;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;
using Tracking.SmtpFilter;

// SMTP filter and milter. An MTA uses one of them. Each is off without an address.
return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddSmtpFilter();
    builder.AddMilter();
    var app = builder.Build();
    app.MapServiceDefaults();
    await app.RunCheckedAsync();
});
