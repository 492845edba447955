using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What is known to be there already, as users see it.</summary>
public sealed class KnownPurchaseTests : IAsyncLifetime
{
    private const string SecondKey = "second-key-4f8d1c0a97";
    private const string OtherKey = "other-key-4f8d1c0a97";
    private const string Convert = "ConvertTo-KlingVideo $images 'it moves' $to";
    private const string Upload = "Send-KlingImage $images | New-KlingVideoTask -Prompt 'it moves'";

    private ConnectedShell _shell = null!;

    public async ValueTask InitializeAsync() => _shell = await ConnectedShell.StartAsync(moreKeys: [SecondKey], otherAccounts: [OtherKey]);

    public ValueTask DisposeAsync() => _shell.DisposeAsync();

    private Task<ShellResult> RunAsync(string script, params string[] images) => _shell.RunAsync(script, new { images, to = _shell.Destination });

    [Fact]
    public async Task A_new_key_of_the_account_buys_nothing_again_and_says_so()
    {
        string[] images = _shell.Images("one.png", "two.png", "three.png");
        (await RunAsync(Convert, images)).Clean();

        await _shell.ConnectAsync(SecondKey);
        ShellResult again = (await RunAsync(Convert, images)).Clean();

        Assert.Equal((3, 3), (again.Output.Count, _shell.Bill.CreatesAccepted));
        Assert.Contains("belongs to an account that is known here by another key", Assert.Single(again.Warnings), StringComparison.Ordinal);
        Assert.Equal(3, (await RunAsync("Get-KlingVideoTask")).Clean().Output.Count);
        Assert.Empty((await RunAsync(Convert, images)).Clean().Warnings);
    }

    [Fact]
    public async Task A_key_of_another_account_is_told_what_is_there_before_anything_is_bought()
    {
        string[] images = _shell.Images("one.png", "two.png", "three.png");
        (await RunAsync(Convert, images)).Clean();

        await _shell.ConnectAsync(OtherKey);
        ShellResult plan = (await RunAsync(Convert + " -WhatIf -InformationAction Continue", images)).Clean();
        Assert.Contains("buy 0 for 0 credits, wait for 0, download 0, leave 3 as they are", Assert.Single(plan.Information), StringComparison.Ordinal);
        Assert.Contains("bought with another account of this service", plan.Warnings[0], StringComparison.Ordinal);

        ShellResult run = (await RunAsync(Convert, images)).Clean();
        Assert.Equal((3, 3), (run.Output.Count, _shell.Bill.CreatesAccepted));
        Assert.NotEmpty(run.Warnings);
        Assert.Empty((await RunAsync("Get-KlingVideoTask")).Clean().Output);

        Assert.Equal(3, (await RunAsync(Convert + " -AllowRepurchase", images)).Clean().Output.Count);
        Assert.Equal(6, _shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_list_says_what_is_not_in_it_because_nobody_knows_whose_it_is()
    {
        (await RunAsync(Convert, _shell.Images("one.png"))).Clean();

        await _shell.ConnectAsync(OtherKey);
        ShellResult list = (await RunAsync("Get-KlingVideoTask")).Clean();

        Assert.Empty(list.Output);
        Assert.Contains("tasks of another key", Assert.Single(list.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_was_mistyped_once_is_not_told_of_ever_after()
    {
        string[] images = _shell.Images("one.png", "two.png");
        (await RunAsync(Convert, images[0])).Clean();

        await _shell.ConnectAsync("mistyped-key-4f8d1c0a97");
        Assert.NotNull((await RunAsync(Convert, images[1])).Terminating);
        await _shell.ConnectAsync();
        ShellResult list = (await RunAsync("Get-KlingVideoTask -Verbose")).Clean();

        Assert.Single(list.Output);
        Assert.Empty(list.Warnings);
        Assert.DoesNotContain(list.Verbose, line => line.Contains("tasks that were bought with another key", StringComparison.Ordinal));
        Assert.Equal(1, _shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task An_image_with_other_content_is_named_in_the_plan_of_both_commands_and_can_be_left_out()
    {
        string[] images = _shell.Images("one.png");
        (await RunAsync(Convert, images)).Clean();
        _shell.WriteFile("one.png", TestImage.Png("another content"));

        Assert.Contains("has other content now", Assert.Single((await RunAsync(Convert + " -WhatIf", images)).Clean().Warnings), StringComparison.Ordinal);
        Assert.Contains("has other content now", Assert.Single((await RunAsync("New-KlingVideoTask $images 'it moves' -WhatIf", images)).Clean().Warnings), StringComparison.Ordinal);

        Assert.Single((await RunAsync(Convert + " -SkipChanged", images)).Errors).Is("KlingImageChanged", ErrorCategory.ResourceExists, images[0]);
        Assert.Single((await RunAsync("New-KlingVideoTask $images 'it moves' -SkipChanged", images)).Errors).Is("KlingImageChanged", ErrorCategory.ResourceExists, images[0]);
        Assert.Single((await RunAsync("New-KlingVideoTask $images 'it moves' -SkipChanged -WhatIf", images)).Errors).Is("KlingImageChanged", ErrorCategory.ResourceExists, images[0]);
        Assert.Equal(1, _shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData(Convert, Upload)]
    [InlineData(Upload, "New-KlingVideoTask $images 'it moves'")]
    [InlineData(Upload, Upload)]
    public async Task An_image_with_other_content_is_named_as_well_where_it_is_uploaded_first(string before, string after)
    {
        string[] images = _shell.Images("one.png");
        (await RunAsync(before, images)).Clean();
        _shell.WriteFile("one.png", TestImage.Png("another content"));

        Assert.Single((await RunAsync(after + " -SkipChanged", images)).Errors).Is("KlingImageChanged", ErrorCategory.ResourceExists, images[0]);
        Assert.Contains("has other content now", Assert.Single((await RunAsync(after + " -WhatIf", images)).Clean().Warnings), StringComparison.Ordinal);
        Assert.Equal(1, _shell.Bill.CreatesAccepted);

        Assert.Contains("has other content now", Assert.Single((await RunAsync(after, images)).Clean().Warnings), StringComparison.Ordinal);
        Assert.Equal(2, _shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Videos_that_were_moved_away_are_done_once_the_user_says_so()
    {
        string[] images = _shell.Images("one.png", "two.png");
        ShellResult done = (await RunAsync(Convert + " | ForEach-Object { [IO.File]::Delete($_.FullName); $_ } | Resolve-KlingVideoTask -TakenElsewhere", images)).Clean();
        Assert.All(done.Of<KlingVideoTask>(), task => Assert.NotNull(task.TakenAt));
        Assert.Equal(2, done.Output.Count);
        int downloads = _shell.Bill.Downloads;

        ShellResult again = (await RunAsync(Convert + " -InformationAction Continue", images)).Clean();
        Assert.Empty(again.Output);
        Assert.Contains("2 taken elsewhere", Assert.Single(again.Information), StringComparison.Ordinal);
        Assert.Empty((await RunAsync("Get-KlingVideoTask -State Succeeded | Save-KlingVideo -Destination $to")).Clean().Output);
        Assert.Empty((await RunAsync("Get-KlingVideoTask -Unsaved; Get-KlingVideoTask -Expiring")).Clean().Output);
        Assert.Equal(downloads, _shell.Bill.Downloads);

        Assert.Single((await _shell.RunAsync("Save-KlingVideo -Id $id -Destination $to", new { id = done.Of<KlingVideoTask>()[0].Id, to = _shell.Destination })).Clean().Output);
        ShellResult back = (await RunAsync("Get-KlingVideoTask | Resolve-KlingVideoTask -TakenElsewhere:$false")).Clean();
        Assert.All(back.Of<KlingVideoTask>(), task => Assert.Null(task.TakenAt));
        Assert.Equal(2, (await RunAsync(Convert, images)).Clean().Output.Count);
        Assert.Equal(2, _shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task Only_a_finished_video_can_have_been_taken_elsewhere()
    {
        await using ConnectedShell slow = await ConnectedShell.StartAsync(generationTime: TimeSpan.FromHours(1));

        ShellResult result = await slow.RunAsync("New-KlingVideoTask $image 'it moves' | Resolve-KlingVideoTask -TakenElsewhere", new { image = slow.Image() });

        Assert.Equal("KlingRequestInvalid", Assert.Single(result.Errors).FullyQualifiedErrorId.Split(',')[0]);
        Assert.Contains("Waiting", result.Errors[0].ToString(), StringComparison.Ordinal);
    }
}
