using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class BadInputTests
{
    [Theory]
    [InlineData("New-KlingVideoTask $image p -LogPath ' '", "LogPath")]
    [InlineData("ConvertTo-KlingVideo $image p -ReportPath \"`t\"", "ReportPath")]
    [InlineData("ConvertTo-KlingVideo $image p -Destination ' '", "Destination")]
    [InlineData("Save-KlingVideo -Id 1 -Destination ' '", "Destination")]
    [InlineData("Export-KlingMetric -Path ' '", "Path")]
    [InlineData("Export-KlingGallery -Path ''", "Path")]
    [InlineData("Copy-KlingLedger -Path ' ' -Destination x", "Path")]
    [InlineData("Set-KlingConfiguration -LogPath ' '", "LogPath")]
    [InlineData("Test-KlingSetup -Destination ' '", "Destination")]
    public async Task A_path_of_nothing_but_blanks_is_refused_at_once(string command, string parameter)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

        Assert.StartsWith("ParameterArgumentValidationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains($"'{parameter}'", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo $image p -NameTemplate $null", "NameTemplate")]
    [InlineData("Save-KlingVideo -Id 1 -NameTemplate $null", "NameTemplate")]
    [InlineData("Get-KlingModel $null", "Model")]
    [InlineData("Get-KlingVideoTask -Source $null", "Source")]
    [InlineData("Get-KlingVideoTask -Source ''", "Source")]
    [InlineData("Get-KlingVideoTask -Source $image, $null", "Source")]
    [InlineData("Get-KlingVideoTask -State $null", "State")]
    [InlineData("Get-KlingVideoTask -Since $null", "Since")]
    [InlineData("Export-KlingGallery ./page.html -Source $null", "Source")]
    [InlineData("Export-KlingGallery ./page.html -State $null", "State")]
    [InlineData("Export-KlingGallery ./page.html -Since $null", "Since")]
    [InlineData("Export-KlingGallery ./page.html -ChoicePath $null", "ChoicePath")]
    [InlineData("Export-KlingGallery ./page.html -ChoicePath a.json, ''", "ChoicePath")]
    [InlineData("Get-KlingSpend -Since $null", "Since")]
    [InlineData("Get-KlingSpend -Until $null", "Until")]
    [InlineData("Connect-KlingAccount -Endpoint $null", "Endpoint")]
    public async Task A_variable_that_was_never_set_does_not_count_as_a_parameter_that_is_left_out(string command, string parameter)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

        Assert.StartsWith("ParameterArgumentValidationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains($"'{parameter}'", result.Terminating!.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("TailImagePath $null")]
    [InlineData("TailImageUri $logo.ImageUri")]
    [InlineData("ReferenceImagePath $null")]
    [InlineData("ReferenceImageUri 'https://images.example/a.png', $logo.ImageUri")]
    [InlineData("VideoPath $null")]
    [InlineData("AudioUri $null")]
    public async Task No_video_is_bought_without_the_file_that_a_variable_was_to_name(string parameter)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        foreach (string command in (string[])["New-KlingVideoTask $image p", "ConvertTo-KlingVideo $image p -Destination $to", "Measure-KlingVideoCost $image"])
        {
            ShellResult result = await shell.RunAsync($"{command} -{parameter}", new { image = shell.Image(), to = shell.Destination });

            ErrorRecord error = result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
            Assert.StartsWith($"-{parameter.Split(' ')[0]} is not set, ", error.Exception.Message, StringComparison.Ordinal);
        }

        Assert.Empty(shell.Bill.Tasks);
    }

    [Theory]
    [InlineData("Set-KlingConfiguration -PollingInterval '0,5'", "'0,5' is not a length of time")]
    [InlineData("Set-KlingConfiguration -PollingInterval $null", "'' is not a length of time")]
    [InlineData("Set-KlingConfiguration -RequestTimeout '1,000'", "'1,000' is not a length of time")]
    [InlineData("Start-KlingSandbox -GenerationTime '0,5'", "'0,5' is not a length of time")]
    [InlineData("Start-KlingSandbox -GenerationTime $null", "'' is not a length of time")]
    [InlineData("Start-KlingSandbox -Credits '1,5'", "'1,5' is not a number")]
    [InlineData("Start-KlingSandbox -Credits $null", "'' is not a number")]
    [InlineData("Start-KlingSandbox -Port 8787.6", "'8787.6' is not a whole number, and is not rounded")]
    [InlineData("Start-KlingSandbox -CreateLimit '1,5'", "'1,5' is not a whole number")]
    [InlineData("Start-KlingSandbox -QueryLimit $null", "'' is not a whole number")]
    [InlineData("Start-KlingSandbox -VideoSize '1,000'", "'1,000' is not a whole number")]
    [InlineData("Get-KlingModel -Duration 5.6", "'5.6' is not a whole number, and is not rounded")]
    [InlineData("Test-KlingCallback '{}' -MaxAge '1,5'", "'1,5' is not a length of time")]
    public async Task A_number_is_not_taken_for_another_one(string command, string said)
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync(command);

        Assert.StartsWith("ParameterArgumentTransformationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains(said, result.Terminating!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Test-KlingImage")]
    [InlineData("Send-KlingImage")]
    [InlineData("Measure-KlingVideoCost")]
    [InlineData("New-KlingVideoTask -Prompt p")]
    [InlineData("New-KlingVideoTask -Prompt p -Model kling-3.0/video")]
    [InlineData("ConvertTo-KlingVideo -Prompt p -Destination $to")]
    [InlineData("ConvertTo-KlingVideo -Prompt p -Destination $to -Model kling-3.0/video")]
    public async Task An_empty_value_among_images_is_one_error_and_the_other_image_goes_on(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string good = shell.Image("good.png");

        // A line of a file, as Get-Content emits it.
        const string line = "$line = [psobject]::new(''); $line.PSObject.Properties.Add([psnoteproperty]::new('PSPath', $good)); ";

        foreach (string script in (string[])[$"{command} -Path $good, $null", $"{command} -Path '', $good", $"{command} -LiteralPath $null, $good", $"$good, $null | {command}", $"'', $good | {command}", $"{line}$line, $good | {command}", $"[DBNull]::Value, $good | {command}", $"@(), $good | {command}"])
        {
            ShellResult result = await shell.RunAsync(script, new { good, to = shell.Destination });

            Assert.Null(result.Terminating);
            Assert.StartsWith("An empty value was given instead of ", Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
            Assert.Single(result.Output);
        }

        Assert.All(shell.Bill.Tasks, task => Assert.NotNull(task.ImageUri));
    }

    [Theory]
    [InlineData("$null | New-KlingVideoTask -Prompt p -Model kling-3.0/video")]
    [InlineData("'' | New-KlingVideoTask -Prompt p -Model kling-3.0/video")]
    [InlineData("$null | ConvertTo-KlingVideo -Prompt p -Model kling-3.0/video")]
    [InlineData("New-KlingVideoTask -ImageUri $null -Prompt p -Model kling-3.0/video")]
    [InlineData("New-KlingVideoTask -ImageUri '' -Prompt p -Model kling-3.0/video")]
    public async Task An_image_that_was_never_set_is_not_left_out_of_a_video_that_is_paid_for(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command);

        Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("New-KlingVideoTask $image p -TailImagePath $image -TailImageUri $uri", "-TailImagePath and -TailImageUri")]
    [InlineData("ConvertTo-KlingVideo $image p -VideoPath $image -VideoUri $uri", "-VideoPath and -VideoUri")]
    [InlineData("Measure-KlingVideoCost $image -AudioUri $uri -AudioPath $image", "-AudioPath and -AudioUri")]
    public async Task A_path_and_an_address_for_one_thing_are_both_named_and_nothing_is_bought(string command, string both)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image(), uri = "https://images.example/fox.png" });

        Assert.StartsWith($"{both} do not go together. ", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task An_empty_address_among_others_is_an_error_of_its_own()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("New-KlingVideoTask -ImageUri 'https://images.example/fox.png', $null -Prompt p");

        Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Single(result.Of<KlingVideoTask>());
    }

    [Theory]
    [InlineData("https://images.example/fox.png", "New-KlingVideoTask takes the address of an image as -ImageUri")]
    [InlineData("file:///photos/fox.png", "Give the path: ")]
    public async Task An_address_in_the_place_of_a_path_is_called_one(string address, string advice)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $address -Prompt p", new { address });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingPathNotFound", ErrorCategory.ObjectNotFound, address);
        Assert.Equal($"'{address}' is an address, and a path is needed here.", error.Exception.Message);
        Assert.Contains(advice, error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relative_path_outside_of_the_file_system_says_where_the_shell_is()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("$null = $ExecutionContext.SessionState.Path.SetLocation('variable:'); Test-KlingImage fox.png");

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingPathNotFound", ErrorCategory.ObjectNotFound, "fox.png");
        Assert.Contains("belongs to the Variable provider, as the current location does: 'Variable:", error.Exception.Message, StringComparison.Ordinal);
        Assert.Contains("Set-Location", error.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Measure-KlingVideoCost")]
    [InlineData("'nothing.png' | Measure-KlingVideoCost")]
    [InlineData("[pscustomobject]@{ Path = $image; Duration = 7 } | Measure-KlingVideoCost")]
    public async Task What_cannot_be_measured_is_an_error_and_no_cost_of_nothing(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

        Assert.Single(result.Errors);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo $image p $path")]
    [InlineData("ConvertTo-KlingVideo $image p $to -ReportPath $path")]
    [InlineData("New-KlingVideoTask $image p -LogPath $path")]
    [InlineData("New-KlingVideoTask -LiteralPath $path -Prompt p")]
    [InlineData("Export-KlingMetric -Path $path")]
    public async Task A_path_that_no_file_can_have_is_refused_before_anything_is_bought(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        foreach (string path in (string[])["a\0b", .. OperatingSystem.IsWindows() ? (string[])[] : ["a\uD83Eb"]])
        {
            ShellResult result = await shell.RunAsync(command, new { image = shell.Image(), to = shell.Destination, path });

            string message = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]).ToString();
            Assert.Contains("is not a path on this machine: it has", message, StringComparison.Ordinal);
        }

        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Fact]
    public async Task A_folder_that_takes_no_files_is_told_by_its_name_and_not_by_that_of_a_file_nobody_has_asked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere there is no /proc.");
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync("$null = ConvertTo-KlingVideo $image p $to", new { image = shell.Image(), to = shell.Destination })).Clean();
        foreach (string command in (string[])["Export-KlingMetric -Path /proc/k.prom", "Export-KlingGallery -Path /proc/k.html", "ConvertTo-KlingVideo $image p -Destination /proc/videos", "Copy-KlingLedger -Path $env:KLINGPS_LEDGER -Destination /proc/k.db"])
        {
            ShellResult result = await shell.RunAsync(command, new { image = shell.Image() });

            string message = Assert.Single([.. result.Errors, .. result.Terminating is null ? (ErrorRecord[])[] : [result.Terminating]]).ToString();
            Assert.DoesNotContain(".klingps-", message, StringComparison.Ordinal);
            Assert.Contains("No file can be created in the folder '/proc'", message, StringComparison.Ordinal);
        }
    }

    /// <summary>What is wrong, as properties of a row in which $folder stands for the folder of the files; the error; and its target if it is not the row's path.</summary>
    public static TheoryData<string, string, ErrorCategory, string?> Rows => new()
    {
        { "Path = \"$folder/missing.png\"", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/missing.png" },
        { "Path = $folder", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder" },
        { "Path = \"$folder/locked.png\"", "KlingFileUnreadable", ErrorCategory.ReadError, "$folder/locked.png" },
        { "Path = \"$folder/note.txt\"", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder/note.txt" },
        { "Path = \"$folder/empty.png\"", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder/empty.png" },
        { "Path = \"$folder/huge.png\"", "KlingImageUnsupported", ErrorCategory.InvalidData, "$folder/huge.png" },
        { "Path = \"$folder/*.gif\"", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/*.gif" },
        { "Path = \"$folder/[.png\"", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/[.png" },
        { "Path = 'nodrive:/x.png'", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "nodrive:/x.png" },
        { "Path = 'env:PATH'", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "env:PATH" },
        { "LiteralPath = \"$folder/*.png\"", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/*.png" },
        { "Path = $good; Prompt = ''", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png" },
        { "Path = $good; Prompt = 'x' * 2501", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png" },
        { "Path = $good; NegativePrompt = 'x' * 2497", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png" },
        { "Path = $good; TailImagePath = \"$folder/missing.png\"", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/good.png" },
        { "Path = $good; TailImagePath = 'http://images.example/x.png'", "KlingPathNotFound", ErrorCategory.ObjectNotFound, "$folder/good.png" },
        { "Path = $good; TailImageUri = 'x.png'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png" },
        { "Path = $good; CallbackUri = 'ftp://x.example/'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "$folder/good.png" },
        { "ImageUri = 'images/fox.png'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "images/fox.png" },
        { "ImageUri = 'ftp://images.example/fox.png'", "KlingRequestInvalid", ErrorCategory.InvalidArgument, "ftp://images.example/fox.png" },
    };

    /// <summary>Commands that take images and send nothing, or nothing that costs.</summary>
    public static TheoryData<string, string, string, ErrorCategory> ImageCommands
    {
        get
        {
            var rows = new TheoryData<string, string, string, ErrorCategory>();
            foreach (string command in (string[])["Test-KlingImage", "Send-KlingImage", "Measure-KlingVideoCost"])
            {
                rows.Add(command, "missing.png", "KlingPathNotFound", ErrorCategory.ObjectNotFound);
                rows.Add(command, "locked.png", "KlingFileUnreadable", ErrorCategory.ReadError);
                rows.Add(command, "*.gif", "KlingPathNotFound", ErrorCategory.ObjectNotFound);
                rows.Add(command, ".", "KlingImageUnsupported", ErrorCategory.InvalidData);
                if (command != "Test-KlingImage")
                {
                    rows.Add(command, "note.txt", "KlingImageUnsupported", ErrorCategory.InvalidData);
                    rows.Add(command, "huge.png", "KlingImageUnsupported", ErrorCategory.InvalidData);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_bad_row_gives_one_error_and_is_not_bought_and_the_others_are(string row, string id, ErrorCategory category, string? target)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        using FileStream locked = Prepare(shell);

        ShellResult result = await shell.RunAsync(
            $$"""
            $bad = [pscustomobject]@{ {{row}} }
            if (-not $bad.PSObject.Properties['Prompt']) { $bad.PSObject.Properties.Add([psnoteproperty]::new('Prompt', 'bad')) }
            [pscustomobject]@{ Path = $good; Prompt = 'before' }, $bad, [pscustomobject]@{ Path = $good; Prompt = 'after' } | New-KlingVideoTask
            """,
            new { folder = shell.Folder, good = Path.Combine(shell.Folder, "good.png") });

        Assert.Null(result.Terminating);
        Assert.Single(result.Errors).Is(id, category, target?.Replace("$folder", shell.Folder, StringComparison.Ordinal));
        Assert.Equal(["before", "after"], result.Of<KlingVideoTask>().Select(task => task.Prompt));
        Assert.Equal(2, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("-CfgScale 1.2", "CfgScale = '1.2'")]
    public async Task A_number_out_of_range_is_refused_by_PowerShell_itself_before_anything_is_sent(string argument, string cell)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        using FileStream locked = Prepare(shell);
        var variables = new { good = Path.Combine(shell.Folder, "good.png") };

        ShellResult typed = await shell.RunAsync($"$good | New-KlingVideoTask -Prompt 'bad' {argument}", variables);
        ShellResult piped = await shell.RunAsync(
            $$"""[pscustomobject]@{ Path = $good; Prompt = 'bad'; {{cell}} }, [pscustomobject]@{ Path = $good; Prompt = 'good' } | New-KlingVideoTask""",
            variables);

        Assert.StartsWith("ParameterArgumentValidationError,", typed.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.StartsWith("ParameterArgumentValidationError,", Assert.Single(piped.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal("good", Assert.Single(piped.Of<KlingVideoTask>()).Prompt);
        Assert.Equal("good", Assert.Single(shell.Bill.Tasks).Prompt);
    }

    [Theory]
    [MemberData(nameof(ImageCommands))]
    public async Task A_bad_image_gives_one_error_with_every_command_and_the_others_go_on(string command, string name, string id, ErrorCategory category)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        using FileStream locked = Prepare(shell);
        string bad = name == "." ? shell.Folder : Path.Combine(shell.Folder, name);

        ShellResult result = await shell.RunAsync($"$bad, $good | {command}", new { bad, good = Path.Combine(shell.Folder, "good.png") });

        Assert.Null(result.Terminating);
        Assert.Single(result.Errors).Is(id, category, bad);
        Assert.Single(result.Output);
        Assert.Equal(command == "Send-KlingImage" ? 1 : 0, shell.Bill.Uploads);
    }

    private static FileStream Prepare(ConnectedShell shell)
    {
        shell.Image("good.png");
        shell.WriteFile("note.txt", "No image."u8.ToArray());
        shell.WriteFile("empty.png", []);
        byte[] huge = TestImage.Png("huge");
        shell.WriteFile("huge.png", [.. huge[..^12], .. new byte[10 * 1024 * 1024], .. huge[^12..]]);
        return new FileStream(shell.Image("locked.png"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }
}
