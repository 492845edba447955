using KlingPS.Core.Ledger;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Sessions;

public sealed class FileHashesTests : IAsyncLifetime
{
    private const string HashOfFox = "776cb326ab0cd5f0a974c1b9606044d8485201f2db19cf8e3749bdee5f36e200";

    private readonly PipelineHarness _harness = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private FileHashes Hashes => new(_harness.Session, new LedgerLoss(_harness.Ledger));

    private string FilePath => Path.Combine(_harness.Folder, "fox.txt");

    public async ValueTask InitializeAsync() => await _harness.Ledger.OpenAsync(Token);

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    /// <summary>Writes the file, which is then as old as is said.</summary>
    private void Write(string text, double age = 60)
    {
        File.WriteAllText(FilePath, text);
        File.SetLastWriteTimeUtc(FilePath, (_harness.Clock.GetUtcNow() - TimeSpan.FromSeconds(age)).UtcDateTime);
    }

    [Fact]
    public async Task A_file_that_has_not_changed_is_not_read_again()
    {
        Write("fox");
        Assert.Equal(HashOfFox, await Hashes.GetAsync(FilePath, Token));

        // Only the ledger can tell this one.
        await _harness.Ledger.FileHashes.RecordAsync(FilePath, FileStamp.Of(FilePath)!.Value, "cafe", Token);

        Assert.Equal("cafe", await Hashes.GetAsync(FilePath, Token));
    }

    [Fact]
    public async Task A_file_whose_time_was_set_back_after_a_change_is_read_again()
    {
        Write("fox");
        Assert.Equal(HashOfFox, await Hashes.GetAsync(FilePath, Token));

        Write("owl");

        Assert.NotEqual(HashOfFox, await Hashes.GetAsync(FilePath, Token));
    }

    [Fact]
    public async Task A_file_that_is_to_be_bought_is_read_whatever_is_recorded_of_it_and_once_in_a_command()
    {
        Write("fox");
        await _harness.Ledger.FileHashes.RecordAsync(FilePath, FileStamp.Of(FilePath)!.Value, "cafe", Token);
        FileHashes command = Hashes;

        Assert.Equal(HashOfFox, await command.GetPresentAsync(FilePath, Token));
        Assert.Equal(HashOfFox, await command.GetAsync(FilePath, Token));
        Write("owl");
        Assert.NotEqual(HashOfFox, await command.GetPresentAsync(FilePath, Token));
    }

    [Theory]
    [InlineData("owls", 60)]
    [InlineData("owl", 59)]
    public async Task A_file_of_another_length_or_time_is_read_again(string text, double age)
    {
        Write("fox");
        string hash = await Hashes.GetAsync(FilePath, Token);

        Write(text, age);

        Assert.NotEqual(hash, await Hashes.GetAsync(FilePath, Token));
    }

    [Theory]
    [InlineData(1.9, false)]
    [InlineData(2, true)]
    public async Task The_hash_of_a_file_that_was_just_written_is_not_trusted(double age, bool isTrusted)
    {
        Write("fox", age);
        await Hashes.GetAsync(FilePath, Token);

        Assert.Equal(isTrusted, await _harness.Ledger.FileHashes.FindAsync(FilePath, FileStamp.Of(FilePath)!.Value, Token) is not null);
    }

    [Fact]
    public async Task What_this_process_has_verified_is_known_however_young_it_is()
    {
        Write("fox", age: 0);

        await Hashes.RecordAsync(FilePath, "cafe", Token);

        Assert.Equal("cafe", await Hashes.GetAsync(FilePath, Token));
        await Hashes.RecordAsync(Path.Combine(_harness.Folder, "gone"), "cafe", Token);
    }

    [Fact]
    public async Task A_file_matches_only_if_it_is_there_and_has_the_content()
    {
        Write("fox");

        Assert.True(await Hashes.MatchAsync(FilePath, HashOfFox, Token));
        Assert.False(await Hashes.MatchAsync(FilePath, "cafe", Token));
        Assert.False(await Hashes.MatchAsync(FilePath, null, Token));
        Assert.False(await Hashes.MatchAsync(Path.Combine(_harness.Folder, "gone"), HashOfFox, Token));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_an_error()
        => Assert.Equal(ErrorKind.PathNotFound, (await Assert.ThrowsAsync<KlingException>(() => Hashes.GetAsync(FilePath, Token))).Kind);
}
