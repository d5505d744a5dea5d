//! A row group whose lists have an end.
//!
//! A few bytes can say that a list has two thousand million nulls, and a row is held as a whole. So the
//! pages of columns in lists are counted as they are fetched: one row may not go through more values than
//! a page of an honest writer has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

/// Values that one row may fetch of one column (1,048,576, the rows of a whole group of many writers).
const VALUES_MAX: u64 = 1 << 20;

/// A row group, and the number of the row that is read.
pub(super) struct Guarded<'g> {
    pub group: Box<dyn RowGroupReader + 'g>,
    pub row: Arc<AtomicU64>,
}

impl RowGroupReader for Guarded<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group.metadata()
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        let pages = self.group.get_column_page_reader(column)?;
        let is_in_list = self.metadata().column(column).column_descr().max_rep_level() > 0;
        if !is_in_list {
            return Ok(pages);
        }
        Ok(Box::new(Pages { pages, row: Arc::clone(&self.row), fetched: (0, 0) }))
    }

    fn get_column_bloom_filter(&self, column: usize) -> Option<&Sbbf> {
        self.group.get_column_bloom_filter(column)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        self.group.get_row_iter(projection)
    }
}

/// The pages of a column in a list.
struct Pages {
    pages: Box<dyn PageReader>,
    row: Arc<AtomicU64>,
    /// A row, and how many values were fetched for it.
    fetched: (u64, u64),
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        let row = self.row.load(Ordering::Relaxed);
        if self.fetched.0 != row {
            self.fetched = (row, 0);
        }
        match &page {
            Some(Page::DictionaryPage { .. }) | None => {}
            Some(data) => self.fetched.1 += u64::from(data.num_values()),
        }
        if self.fetched.1 > VALUES_MAX {
            let message = format!("a row has a list of more than {VALUES_MAX} values");
            return Err(ParquetError::General(message));
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}
