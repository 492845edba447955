using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using KlingPS.Core.Model;
using KlingPS.Hosting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class PathTests
{
    /// <summary>What a user writes for a path, and the files that it means.</summary>
    public static TheoryData<string, string[]> Names => new()
    {
        { "shot [2].png", ["shot [2].png"] },
        { "shot `[2`].png", ["shot [2].png"] },
        { "./shot `[2`].png", ["shot [2].png"] },
        { "shot 2.png", ["shot 2.png"] },
        { "shot [12].png", ["shot 1.png", "shot 2.png"] },
        { "shot*.png", ["shot 1.png", "shot 2.png", "shot [2].png"] },
        { "photo [draft.png", ["photo [draft.png"] },
        { "photo `[draft.png", ["photo [draft.png"] },
        { "set [a]/one [1].png", ["set [a]/one [1].png"] },
        { "set [a]/*.png", ["set [a]/one [1].png"] },
        { "set `[a`]/one `[1`].png", ["set [a]/one [1].png"] },
        { "set `[a`]/one*", ["set [a]/one [1].png"] },
    };

    private static readonly string[] s_files = ["shot [2].png", "shot 1.png", "shot 2.png", "photo [draft.png", "set [a]/one [1].png", "plain.png"];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_name_is_the_file_that_has_it_then_one_with_escapes_then_a_pattern(string name, string[] files)
    {
        await using ConnectedShell shell = await StartAsync();
        string[] expected = [.. files.Select(file => Path.Combine(shell.Folder, file))];

        foreach (string command in (string[])["Test-KlingImage $name -Detailed", "$name | Test-KlingImage -Detailed", "[pscustomobject]@{ Path = $name } | Test-KlingImage -Detailed"])
        {
            ShellResult result = (await shell.RunAsync($"({command}).Path", new { name })).Clean();
            Assert.Equal(expected.Order(StringComparer.Ordinal), result.Of<string>().Order(StringComparer.Ordinal));
        }

        ShellResult sent = (await shell.RunAsync("(Send-KlingImage $name).SourcePath", new { name })).Clean();
        Assert.Equal(expected.Order(StringComparer.Ordinal), sent.Of<string>().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("shot [2].png")]
    [InlineData("shot `[2`].png")]
    public async Task A_row_buys_the_image_and_the_tail_image_that_it_names(string name)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = (await shell.RunAsync("[pscustomobject]@{ Path = $name; TailImagePath = $name; Prompt = 'p' } | New-KlingVideoTask", new { name })).Clean();

        KlingVideoTask task = Assert.Single(result.Of<KlingVideoTask>());
        string path = Path.Combine(shell.Folder, "shot [2].png");
        Assert.Equal((path, path), (task.SourcePath, task.TailImagePath));
        Assert.Equal(path, Assert.Single((await shell.RunAsync("Get-KlingVideoTask -Source $name", new { name })).Clean().Of<KlingVideoTask>()).SourcePath);
    }

    [Theory]
    [InlineData("Test-KlingImage 'back\\slash.png' -Detailed")]
    [InlineData("Test-KlingImage -LiteralPath 'back\\slash.png' -Detailed")]
    [InlineData("Test-KlingImage \"$folder/back\\slash.png\" -Detailed")]
    [InlineData("\"$folder/back\\slash.png\" | Test-KlingImage -Detailed")]
    [InlineData("Test-KlingImage folder\\slash.png -Detailed", "folder/slash.png")]
    public async Task A_name_may_have_a_backslash_where_a_file_has_it(string command, string file = "back\\slash.png")
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, no name has a backslash.");
        await using ConnectedShell shell = await StartAsync();
        File.Copy(shell.Image(), Path.Combine(shell.Folder, "back\\slash.png"));
        File.Copy(shell.Image(), Path.Combine(Directory.CreateDirectory(Path.Combine(shell.Folder, "folder")).FullName, "slash.png"));

        ShellResult result = (await shell.RunAsync($"({command}).Path", new { folder = shell.Folder })).Clean();

        Assert.Equal([Path.Combine(shell.Folder, file)], result.Of<string>());
    }

    [Fact]
    public async Task A_file_whose_name_is_not_in_UTF8_is_told_as_that_and_not_as_missing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere, names are Unicode.");
        await using ConnectedShell shell = await StartAsync();
        await RunAsync("cp \"$1\" \"$(printf '%s/b\\303d.png' \"$0\")\"");

        ShellResult result = await shell.RunAsync("Test-KlingImage \"$folder/b*d.png\"", new { folder = shell.Folder });

        // .NET cannot delete it either.
        await RunAsync("rm \"$0\"/b*d.png");
        Assert.EndsWith("cannot be opened by this name: on the disk, it is not in UTF-8.", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);

        async Task RunAsync(string script)
        {
            using var process = Process.Start("/bin/sh", ["-c", script, shell.Folder, shell.Image()]);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData("missing [draft.png", "KlingPathNotFound", "'missing [draft.png'")]
    [InlineData("shot [draft.png", "KlingPathNotFound", "'shot [draft.png'")]
    [InlineData("missing [2].png", "KlingPathNotFound", "No file matches")]
    [InlineData("missing `[2`].png", "KlingPathNotFound", "missing [2].png")]
    [InlineData("a\0b.png", "KlingPathNotFound", "")]
    [InlineData("b\uFFFDt.png", "KlingPathNotFound", "Save the list as UTF-8")]
    public async Task A_name_that_leads_to_no_file_is_the_error_of_its_row_alone(string name, string id, string said)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = await shell.RunAsync("$name, 'plain.png' | ConvertTo-KlingVideo -Prompt p -Destination v -PollingInterval 0.1", new { name });

        Assert.Null(result.Terminating);
        ErrorRecord error = Assert.Single(result.Errors).Is(id, ErrorCategory.ObjectNotFound);
        Assert.Contains(said, error.Exception.Message, StringComparison.Ordinal);
        Assert.Equal("plain.mp4", Assert.Single(result.Of<FileInfo>()).Name);
    }

    /// <summary>Patterns for names in one folder, which the module looks for by itself, and others, which it leaves to the shell.</summary>
    [Theory]
    [InlineData("*.png")]
    [InlineData("./*.PNG")]
    [InlineData("$folder/*")]
    [InlineData("$folder/*.*")]
    [InlineData("$folder/[a-f]*.png")]
    [InlineData("$folder/?b.png")]
    [InlineData("$folder/sub/../*ä*")]
    [InlineData("Microsoft.PowerShell.Core\\FileSystem::$folder/*.png")]
    [InlineData("pictures:/*.png")]
    [InlineData("pictures:*.png")]
    [InlineData("s?b/*.png")]
    public async Task A_pattern_gives_the_files_that_the_shell_lists_in_its_order(string pattern)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Images(["zebra.PNG", "fox.png", "Fox 2.png", "image 10.png", "image 9.png", "a-b.png", "ab.png", "A_c.png", "ärger.png", ".hidden.png", "sub/in.png", "folder.png/in.png"]);
        File.SetAttributes(Path.Combine(shell.Folder, ".hidden.png"), FileAttributes.Hidden);
        pattern = pattern.Replace("$folder", shell.Folder, StringComparison.Ordinal);
        (await shell.RunAsync(
            """
            $session = $ExecutionContext.SessionState
            $null = $session.Drive.New([Management.Automation.PSDriveInfo]::new('pictures', $session.Provider.GetOne('FileSystem'), $folder, '', $null), 'global')
            $null = $session.Path.SetLocation($folder)
            """,
            new { folder = shell.Folder })).Clean();

        ShellResult listed = (await shell.RunAsync("($ExecutionContext.InvokeProvider.Item.Get($pattern) | Where-Object PSIsContainer -EQ $false).FullName", new { pattern })).Clean();
        ShellResult taken = (await shell.RunAsync("(Test-KlingImage $pattern -Detailed).Path", new { pattern })).Clean();

        Assert.NotEmpty(taken.Of<string>());
        Assert.Equal(listed.Of<string>(), taken.Of<string>());
    }

    [Theory]
    [InlineData("shot `[*")]
    [InlineData("* `[2`].*")]
    public async Task A_pattern_may_have_escapes(string pattern)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = (await shell.RunAsync("(Test-KlingImage $pattern -Detailed).Path", new { pattern })).Clean();

        Assert.Equal([Path.Combine(shell.Folder, "shot [2].png")], result.Of<string>());
    }

    [Theory]
    [InlineData("ConvertTo-KlingVideo '\\\\nas\\photos\\a.png' -Prompt p -Destination v")]
    [InlineData("ConvertTo-KlingVideo plain.png -Prompt p -Destination '\\\\nas\\videos' -WhatIf")]
    [InlineData("Export-KlingGallery '\\\\nas\\gallery.html'")]
    public async Task A_share_of_Windows_is_no_folder_beside_the_shell_s_own_on_another_system(string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There it is a share.");
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = await shell.RunAsync(command);

        ErrorRecord error = (result.Terminating ?? Assert.Single(result.Errors)).Is("KlingPathNotFound", ErrorCategory.ObjectNotFound);
        Assert.Contains(@"'\\nas\", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Mount the share", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_given_once_is_the_same_for_all_images_whatever_folder_a_command_further_up_goes_to()
    {
        await using ConnectedShell shell = await StartAsync();
        string[] files = shell.Images("tail.png", "one/a.png", "one/tail.png", "two/b.png");

        ShellResult result = (await shell.RunAsync(
            """
            'one', 'two' | ForEach-Object { $null = $ExecutionContext.SessionState.Path.SetLocation("$folder/$_"); $(if ($_ -eq 'one') { 'a.png' } else { 'b.png' }) } |
                New-KlingVideoTask -Prompt p -TailImagePath tail.png
            """,
            new { folder = shell.Folder })).Clean();

        Assert.Equal([(files[1], files[0]), (files[3], files[0])], result.Of<KlingVideoTask>().Select(task => (task.SourcePath, task.TailImagePath)));
    }

    [Fact]
    public async Task Files_that_are_given_together_are_those_of_one_folder_whatever_folder_a_command_further_down_goes_to()
    {
        await using ConnectedShell shell = await StartAsync();
        string other = shell.Image("other/shot 1.png");
        using Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        PathIntrinsics location = runspace.SessionStateProxy.Path;
        location.SetLocation(shell.Folder);

        var found = new List<string>();
        foreach (string path in new FilePaths(location).Resolve(["plain.png", "shot 1.png"], isLiteral: true, (error, _) => throw error))
        {
            found.Add(path);
            location.SetLocation(Path.GetDirectoryName(other));
        }

        Assert.Equal([Path.Combine(shell.Folder, "plain.png"), Path.Combine(shell.Folder, "shot 1.png")], found);
    }

    [Fact]
    public async Task A_tail_image_may_be_a_pattern_for_one_file_and_no_more()
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult one = (await shell.RunAsync("New-KlingVideoTask plain.png -Prompt p -TailImagePath photo*")).Clean();
        ShellResult several = await shell.RunAsync("New-KlingVideoTask plain.png -Prompt p -TailImagePath shot*");

        Assert.Equal(Path.Combine(shell.Folder, "photo [draft.png"), Assert.Single(one.Of<KlingVideoTask>()).TailImagePath);
        Assert.Contains("'shot*' matches several files", Assert.Single(several.Errors).Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("set `[a`]")]
    [InlineData("set [a]")]
    [InlineData("new `[b`]")]
    public async Task A_destination_is_the_folder_that_Tab_has_written(string destination)
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = (await shell.RunAsync("ConvertTo-KlingVideo plain.png -Prompt p -Destination $destination -PollingInterval 0.1", new { destination })).Clean();

        Assert.Equal(Path.Combine(shell.Folder, destination.Replace("`", "", StringComparison.Ordinal), "plain.mp4"), Assert.Single(result.Of<FileInfo>()).FullName);
    }

    [Fact]
    public async Task A_video_is_called_mp4_whatever_its_template_ends_in()
    {
        await using ConnectedShell shell = await StartAsync();

        ShellResult result = (await shell.RunAsync("ConvertTo-KlingVideo plain.png -Prompt p -Destination v -NameTemplate '{BaseName}.take1' -PollingInterval 0.1")).Clean();

        Assert.Equal("plain.take1.mp4", Assert.Single(result.Of<FileInfo>()).Name);
    }

    /// <summary>A shell whose current folder has the files.</summary>
    private static async Task<ConnectedShell> StartAsync()
    {
        ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Images(s_files);
        (await shell.RunAsync("$null = $ExecutionContext.SessionState.Path.SetLocation($folder)", new { folder = shell.Folder })).Clean();
        return shell;
    }
}
